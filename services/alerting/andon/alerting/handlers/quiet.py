"""Silences: nobody is notified for some time."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from andon.alerting.handlers.herald import Herald
from andon.alerting.handlers.outbox import Outbox
from andon.alerting.store.alerts import Silences
from andon.contracts import Invalid, NotFound
from andon.contracts.alerting import AddSilence, EndSilence, ListSilences, Silence
from andon.contracts.alerting import Silences as Listed
from andon.messaging import Delivery

_LONGEST = timedelta(days=90)


@dataclass(frozen=True)
class Quiet:
    silences: Silences
    outbox: Outbox
    clock: Callable[[], datetime]
    herald: Herald

    async def add(self, ask: AddSilence, _delivery: Delivery) -> Silence:
        """Raises Invalid where it would silence nothing, or for too long."""
        now = self.clock()
        begins = ask.begins_at or now
        if ask.ends_at <= max(begins, now):
            raise Invalid("ends_at: lies before its begin, or in the past", {"ends_at": "is over already"})
        if ask.ends_at - begins > _LONGEST:
            why = f"a silence lasts {_LONGEST.days} days at most; a rule can be switched off"
            raise Invalid(f"ends_at: {why}", {"ends_at": why})
        fields = ask.model_dump(exclude={"begins_at"})
        silence = Silence(id=uuid4().hex, begins_at=begins, **fields)
        await self.silences.put(silence)
        await self.herald.silence(silence)
        return silence

    async def end(self, ask: EndSilence, _delivery: Delivery) -> Silence:
        """Raises NotFound. What waited for its end is sent now."""
        silence = await self.silences.get(ask.id)
        if silence is None:
            raise NotFound(f"there is no silence {ask.id}")
        now = self.clock()
        if silence.ends_at > now:
            silence = silence.model_copy(update={"ends_at": now, "ended_by": ask.by})
            await self.silences.put(silence)
            await self.outbox.wake()
            await self.herald.silence(silence)
        return silence

    async def listed(self, query: ListSilences, _delivery: Delivery) -> Listed:
        now = self.clock()
        found = await (self.silences.since(now) if query.ended else self.silences.running(now))
        return Listed(silences=tuple(sorted(found, key=lambda each: each.begins_at, reverse=True)))
