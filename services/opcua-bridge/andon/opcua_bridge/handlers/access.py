"""Who may come in, and for how long: auth knows."""

import asyncio
from dataclasses import dataclass, replace

from andon.contracts import NotFound, Refused, Unavailable, auth
from andon.contracts.opcua import SignedInBy
from andon.messaging import Service
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.visitors import Door, Visitor
from andon.security import permissions_of
from andon.telemetry import log

_AUTH_SECONDS = 2.5
"""OPC UA clients give up after 4 s or so."""
_AGAIN_SECONDS = 20.0

_log = log("andon.opcua_bridge")


@dataclass
class Access:
    """Lets users of Andon in, with what their roles may do, and out when they may no more."""

    bus: Service
    server: OpcuaServer

    def door(self) -> Door:
        """What the server asks."""
        return Door(self.by_password, self.by_certificate)

    async def by_password(self, username: str, password: str, address: str) -> Visitor | None:
        """Raises Unavailable."""
        question = auth.VerifyPassword(username=username, password=password, address=address)
        try:
            user = await self.bus.ask(auth.VERIFY_PASSWORD, question, timeout=_AUTH_SECONDS)
        except Unavailable:
            raise
        except Refused as refused:
            _log.warning("a user was refused", username=username, address=address, code=refused.code)
            return None
        return _visitor(user, SignedInBy.PASSWORD)

    async def by_certificate(self, user_id: str, fingerprint: str, address: str) -> Visitor | None:
        """Raises Unavailable."""
        try:
            user = await self.bus.ask(auth.USER, auth.GetUser(id=user_id), timeout=_AUTH_SECONDS)
        except NotFound:
            _log.warning("a certificate's user is gone", certificate=fingerprint, address=address)
            return None
        return _visitor(user, SignedInBy.CERTIFICATE)

    async def watch(self) -> None:
        """End sessions of users that are gone or inactive; others may do what their roles say now."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            try:
                await self.look()
            except Unavailable:
                continue

    async def look(self) -> None:
        """Ask for everybody who is signed in. Raises Unavailable."""
        known: dict[str, auth.User | None] = {}
        for session in self.server.core.sessions:
            visitor = session.visitor
            if not visitor.user_id:
                continue
            if visitor.user_id not in known:
                known[visitor.user_id] = await self._user(visitor.user_id)
            user = known[visitor.user_id]
            allowed = _visitor(user, visitor.by) if user else None
            if allowed is None:
                _log.warning("a session ends: its user may not come in any more", user=visitor.name)
                await self.server.end(session)
            elif allowed != visitor:
                session.user = replace(allowed)

    async def _user(self, user_id: str) -> auth.User | None:
        try:
            return await self.bus.ask(auth.USER, auth.GetUser(id=user_id))
        except NotFound:
            return None


def _visitor(user: auth.User, by: SignedInBy) -> Visitor | None:
    permissions = permissions_of(user.roles)
    if not user.active or auth.Permission.VIEW_HISTORY not in permissions:
        return None
    return Visitor(name=user.username, user_id=user.id, permissions=permissions, by=by)
