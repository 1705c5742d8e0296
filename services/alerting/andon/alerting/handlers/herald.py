"""Says what people changed of alerting, for whoever shows it."""

from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

from andon.contracts import Event, Message, Unavailable, alerting
from andon.contracts.alerting import AlertRule, ChannelChanged, RuleChanged, Silence
from andon.messaging import Service

M = TypeVar("M", bound=Message)


@dataclass(frozen=True)
class Herald:
    """What it tells of is kept already: a bus that is away undoes nothing."""

    bus: Service

    async def rule(self, rule_id: str, by: str, rule: AlertRule | None) -> None:
        """A rule as it holds from now on; None when it is gone."""
        await self._say(alerting.RULE_CHANGED, RuleChanged(id=rule_id, by=by, rule=rule))

    async def silence(self, silence: Silence) -> None:
        """One that was made, or ended before its time."""
        await self._say(alerting.SILENCE_CHANGED, silence)

    async def channel(self, channel_id: str, by: str = "andon", *, gone: bool = False) -> None:
        """One that was changed, or to which something was sent."""
        await self._say(alerting.CHANNEL_CHANGED, ChannelChanged(id=channel_id, by=by, gone=gone))

    async def _say(self, subject: Event[M], message: M) -> None:
        with suppress(Unavailable):
            await self.bus.say(subject, message, once=uuid4().hex)
