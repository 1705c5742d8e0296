"""Knows machines by their keys: auth is asked once per key and says itself when one changes."""

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from andon.contracts import Unauthorised, Unavailable, auth
from andon.messaging import Service
from andon.security import Credential, Principal, credential_in

_FRESH_SECONDS = 60.0
"""How long an answer is good; auth notes a key's last use when it is asked again."""
_REFUSED_SECONDS = 10.0
_AWAY_SECONDS = 1800.0
"""How long a key outlives auth's absence, as access tokens do: the line goes on without it."""
_AGAIN_SECONDS = 5.0
"""How long nobody asks again after auth was found away."""
_REMEMBERED = 4096


@dataclass
class _Known:
    """What auth said of a credential."""

    principal: Principal | None
    """None for one that is refused."""
    why: str
    expires_at: datetime | None
    fresh_until: float
    stale_until: float


@dataclass
class Machines:
    """Resolves credentials of machines."""

    bus: Service
    _known: OrderedDict[Credential, _Known] = field(default_factory=OrderedDict[Credential, _Known])
    _news: int = 0
    """Counts the changes heard, so that an answer that was on its way meanwhile is not remembered."""

    @staticmethod
    def recognises(text: str) -> bool:
        """Whether it is meant as a machine's credential rather than an access token."""
        return text.startswith("andon_") or ":" in text

    async def admit(self, text: str) -> Principal:
        """Raises Unauthorised; Unavailable for one not seen before while auth is away."""
        credential = credential_in(text)
        if credential is None:
            raise Unauthorised("The key is not a key: `andon_...`, or access and secret key by HTTP Basic.")
        known = self._known.get(credential)
        if known is None or known.fresh_until <= time.monotonic():
            known = await self._asked(credential, known)
        if known.principal is None:
            raise Unauthorised(known.why)
        if known.expires_at is not None and known.expires_at <= datetime.now(UTC):
            raise Unauthorised("The key has expired.")
        return known.principal

    def forget(self, key_id: str) -> None:
        """Ask again what this key may do; refusals too, since one may be good again."""
        self._news += 1
        for credential, known in tuple(self._known.items()):
            if known.principal is None or known.principal.id == key_id:
                del self._known[credential]

    async def _asked(self, credential: Credential, before: _Known | None) -> _Known:
        news, now = self._news, time.monotonic()
        question = auth.ResolveKey(digest=credential.digest, access_key=credential.access_key)
        try:
            found = _good(await self.bus.ask(auth.RESOLVE_KEY, question), now)
        except Unauthorised as refused:
            found = _Known(None, str(refused), None, now + _REFUSED_SECONDS, now + _REFUSED_SECONDS)
        except Unavailable:
            if before is None or before.stale_until <= now:
                raise
            before.fresh_until = now + _AGAIN_SECONDS
            return before
        if news == self._news:
            self._remember(credential, found)
        return found

    def _remember(self, credential: Credential, found: _Known) -> None:
        self._known[credential] = found
        self._known.move_to_end(credential)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _good(found: auth.ResolvedKey, now: float) -> _Known:
    principal = Principal(
        id=found.id, username=found.name, roles=(), session_id=found.id, kind=auth.Kind.KEY,
        scopes=frozenset(found.permissions), rate_per_minute=found.rate_per_minute,
    )  # fmt: skip
    return _Known(principal, "", found.expires_at, now + _FRESH_SECONDS, now + _AWAY_SECONDS)
