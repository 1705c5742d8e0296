"""Lets in who carries a good access token or key: checked here, without asking anyone per request."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBasic, HTTPBearer
from starlette.requests import HTTPConnection

from andon.contracts import Forbidden, Message, Unauthorised, Unavailable, auth
from andon.gateway.machines import Machines
from andon.messaging import Delivery, Service
from andon.security import Principal, Verifier, basic_pair

_KEYS_PAUSE = 5.0
"""Least seconds between two readings of the keys, however many tokens name an unknown one."""
_KEYS_AGE = 300.0
"""Seconds after which the keys are read again for who asks for them."""


@dataclass
class Door:
    """Verifies access tokens with auth's public keys, refuses those of ended sessions, knows machines' keys.

    Closed until keys and ended sessions are known: then Unavailable comes out of auth's queries.
    """

    bus: Service
    on_ended: list[Callable[[str], None]] = field(default_factory=list[Callable[[str], None]])
    """Told the id of each session that ends, and of each key that is revoked."""
    _verifier: Verifier = field(default_factory=lambda: Verifier({"keys": ()}))
    _read_at: float | None = None
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    _sequence: int = 0
    _jwks: tuple[dict[str, Any], ...] = ()

    def __post_init__(self) -> None:
        self._machines = Machines(self.bus)

    async def admit(self, token: str) -> Principal:
        """Whose access token, key or `access:secret` pair it is.

        Raises Unauthorised, or Unavailable while auth was never reached.
        """
        if not token:
            raise Unauthorised(
                "A token or a key is needed: sign in at /api/v1/auth/login, or send X-API-Key."
            )
        if self._machines.recognises(token):
            return await self._machines.admit(token)
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
        """Reaction to auth.SESSION_ENDED and auth.KEY_CHANGED."""
        self._sequence = delivery.sequence
        match message:
            case auth.SessionEnded():
                self.end(message.session_id)
            case auth.KeyChanged():
                self.key_changed(message.key_id, revoked=message.revoked)

    async def place(self) -> int:
        """Up to which message of auth's stream everything was heard."""
        return self._sequence

    def end(self, session_id: str) -> None:
        """Refuse a session's tokens from now on."""
        self._verifier.revoke(session_id)
        for tell in self.on_ended:
            tell(session_id)

    def key_changed(self, key_id: str, *, revoked: bool) -> None:
        """Ask again what a key may do; a revoked one's streams end."""
        self._machines.forget(key_id)
        if revoked:
            for tell in self.on_ended:
                tell(key_id)

    async def public_keys(self) -> tuple[dict[str, Any], ...]:
        """What access tokens are verified with, a few minutes old at most. Raises Unavailable."""
        if self._read_at is None or time.monotonic() - self._read_at > _KEYS_AGE:
            await self._read_keys()
        return self._jwks

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
            self._jwks = keys.keys
            self._read_at = time.monotonic()
            return True


_BEARER = HTTPBearer(
    auto_error=False,
    description="The access token of POST /api/v1/auth/login, or a key of POST /api/v1/keys.",
)
_KEY = APIKeyHeader(name="X-API-Key", auto_error=False, description="A key of POST /api/v1/keys.")


class _Pair(HTTPBasic):
    async def __call__(self, request: HTTPConnection) -> None:  # type: ignore[override]
        """Nothing: FastAPI's own would answer unreadable ones itself, and make browsers ask for some."""


_PAIR = _Pair(auto_error=False, description="Access key and secret key of POST /api/v1/keys.")


def bearer_of(connection: HTTPConnection) -> str:
    """The token, key or `access:secret` pair in the headers; an empty string without one.

    A browser can't set headers of a WebSocket, but offer a protocol `andon.key.<token or key>`.
    """
    scheme, _, value = connection.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            return basic_pair(value.strip())
        case _:
            return connection.headers.get("x-api-key", "").strip() or _offered(connection)


def _offered(connection: HTTPConnection) -> str:
    if connection.scope["type"] != "websocket":
        return ""
    offers = connection.headers.get("sec-websocket-protocol", "").split(",")
    found = (each.strip().removeprefix(_OFFER) for each in offers if each.strip().startswith(_OFFER))
    return next(found, "")


_OFFER = "andon.key."


def _shown(
    _bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)],
    _key: Annotated[str | None, Depends(_KEY)],
    _pair: Annotated[None, Depends(_PAIR)],
) -> None:
    """Ways in, for the OpenAPI document alone."""


async def signed_in(connection: HTTPConnection, _: Annotated[None, Depends(_shown)]) -> Principal:
    """Whoever sent the request."""
    door: Door = connection.app.state.gateway.door
    principal = await door.admit(bearer_of(connection))
    connection.state.principal = principal  # for the audit log
    return principal


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
MayManage = Annotated[Principal, Depends(allowed("manage_users"))]
