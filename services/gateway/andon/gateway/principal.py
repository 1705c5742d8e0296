"""Lets in who carries a good access token: checked here, without asking anyone per request."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import HTTPConnection

from andon.contracts import Forbidden, Message, Unauthorised, Unavailable, auth
from andon.messaging import Delivery, Service
from andon.security import Principal, Verifier

_KEYS_PAUSE = 5.0
"""Least seconds between two readings of the keys, however many tokens name an unknown one."""


@dataclass
class Door:
    """Verifies access tokens with auth's public keys and refuses those of ended sessions.

    Closed until keys and ended sessions are known: then Unavailable comes out of auth's queries.
    """

    bus: Service
    on_ended: list[Callable[[str], None]] = field(default_factory=list[Callable[[str], None]])
    """Told the id of each session that ends."""
    _verifier: Verifier = field(default_factory=lambda: Verifier({"keys": ()}))
    _read_at: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _sequence: int = 0

    async def admit(self, token: str) -> Principal:
        """Raises Unauthorised, or Unavailable while auth was never reached."""
        if not token:
            raise Unauthorised("A bearer token is needed: sign in at /api/v1/auth/login.")
        if self._read_at is None:
            await self._read_keys()
        try:
            return self._verifier.verify(token)
        except Unauthorised as refused:
            # The key may be newer than what was read; a forged token costs one reading per pause.
            try:
                if not await self._read_keys():
                    raise
            except Unavailable:
                raise refused from None
        return self._verifier.verify(token)

    async def hear(self, message: Message, delivery: Delivery) -> None:
        """Reaction to auth.SESSION_ENDED."""
        self._sequence = delivery.sequence
        if isinstance(message, auth.SessionEnded):
            self.end(message.session_id)

    async def place(self) -> int:
        """Up to which message of auth's stream everything was heard."""
        return self._sequence

    def end(self, session_id: str) -> None:
        """Refuse a session's tokens from now on."""
        self._verifier.revoke(session_id)
        for tell in self.on_ended:
            tell(session_id)

    async def _read_keys(self) -> bool:
        """False when they were read a moment ago."""
        async with self._reading:
            if self._read_at is not None and time.monotonic() - self._read_at < _KEYS_PAUSE:
                return False
            ended = await self.bus.ask(auth.ENDED, auth.ListEnded())
            keys = await self.bus.ask(auth.KEYS, auth.GetKeys())
            for session_id in ended.session_ids:
                self._verifier.revoke(session_id)
            self._verifier.learn({"keys": keys.keys})
            self._read_at = time.monotonic()
            return True


_BEARER = HTTPBearer(auto_error=False, description="The access token of POST /api/v1/auth/login.")


def bearer_of(connection: HTTPConnection) -> str:
    """The token in the Authorization header; an empty string without one."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def signed_in(
    connection: HTTPConnection, _shown: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
) -> Principal:
    """Whoever sent the request. The second argument is there for the OpenAPI document alone."""
    door: Door = connection.app.state.gateway.door
    return await door.admit(bearer_of(connection))


def allowed(permission: str) -> Callable[[Principal], Awaitable[Principal]]:
    """A dependency that lets in who has the permission."""

    async def check(principal: Annotated[Principal, Depends(signed_in)]) -> Principal:
        if permission not in principal.permissions:
            raise Forbidden(f"This needs the permission '{permission}', which your role does not have.")
        return principal

    return check


SignedIn = Annotated[Principal, Depends(signed_in)]
MayInspect = Annotated[Principal, Depends(allowed("inspect"))]
MayView = Annotated[Principal, Depends(allowed("view_history"))]
MayConfigure = Annotated[Principal, Depends(allowed("configure"))]
