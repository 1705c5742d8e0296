"""Tells the audit log who changed what through the gateway, after the answer and beside it."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from andon.contracts import Unavailable, audit
from andon.contracts.audit import Action, Outcome
from andon.messaging import Service
from andon.security import Principal
from andon.telemetry import log, trace_id

_log = log("andon.gateway")

_CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_WAITING = 10_000
"""Actions that wait for the broker at most; one more goes to the log of this process instead."""
_LAST_SECONDS = 5.0
"""How long what waits is still told at a stop."""
_REFUSED, _FAILED = 400, 500


@dataclass
class Actions:
    """Records state-changing requests of principals: what they asked for by its route, never a body."""

    bus: Service
    unrecorded: Collection[str] = ()
    """`METHOD /route` of requests that change nothing, or that leave a record of their own."""
    told_by_auth: Sequence[str] = ()
    """Beginnings of paths whose changes auth records itself, with more detail; here only what was refused."""
    _waiting: asyncio.Queue[Action] = field(default_factory=lambda: asyncio.Queue(_WAITING))

    def answered(self, scope: Any, route: str, status: str) -> None:
        """Called once a request is answered; waits for nothing."""
        principal = scope.get("state", {}).get("principal")
        if scope["method"] not in _CHANGING or not isinstance(principal, Principal):
            return
        action = _action(scope, route, status, principal)
        if action.action in self.unrecorded:
            return
        if action.outcome is Outcome.DONE and scope["path"].startswith(tuple(self.told_by_auth)):
            return
        try:
            self._waiting.put_nowait(action)
        except asyncio.QueueFull:
            _log.error("an action is not in the audit log", **action.model_dump(mode="json"))

    async def run(self) -> None:
        """For as long as the gateway runs."""
        action: Action | None = None
        try:
            while True:
                action = await self._waiting.get()
                await self._told(action)
                action = None
        except asyncio.CancelledError:
            await self._tell_rest(action)
            raise

    async def _told(self, action: Action) -> None:
        while True:
            try:
                await self.bus.say(audit.RECORD, action, once=action.id)
            except Unavailable as away:
                _log.warning(
                    "the audit log waits for the broker", waiting=self._waiting.qsize(), why=str(away)
                )
            else:
                return

    async def _tell_rest(self, unsaid: Action | None) -> None:
        left = [unsaid] if unsaid else []
        while not self._waiting.empty():
            left.append(self._waiting.get_nowait())
        try:
            async with asyncio.timeout(_LAST_SECONDS):
                while left:
                    await self.bus.say(audit.RECORD, left[0], once=left[0].id)
                    left.pop(0)
        except (Unavailable, TimeoutError):
            for action in left:
                _log.error("an action is not in the audit log", **action.model_dump(mode="json"))


def _action(scope: Any, route: str, status: str, principal: Principal) -> Action:
    code = int(status) if status.isdecimal() else _FAILED
    outcome = Outcome.FAILED if code >= _FAILED else Outcome.REFUSED if code >= _REFUSED else Outcome.DONE
    ids = {str(name): str(value)[:200] for name, value in scope.get("path_params", {}).items()}
    return Action(
        id=uuid4().hex, at=datetime.now(UTC), actor=principal.actor, action=f"{scope['method']} {route}",
        target=", ".join(ids.values()), outcome=outcome, details={"status": status, **ids},
        address=scope["client"][0] if scope.get("client") else "", trace_id=trace_id(),
    )  # fmt: skip
