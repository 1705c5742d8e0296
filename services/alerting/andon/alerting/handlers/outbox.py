"""What is told to channels: grouped, tried again, given up in plain sight, never lost quietly."""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.alerting.adapters import Safe, Sender, Undelivered
from andon.alerting.domain.lifecycle import ACKNOWLEDGED, COMMENTED, OPENED, Record, silences
from andon.alerting.domain.notices import Digest, Patience, Told, composed, notice, sent, wanted
from andon.alerting.domain.scopes import Subject
from andon.alerting.domain.verdicts import GOOD, UNSURE, Finding, Verdict
from andon.alerting.handlers.herald import Herald
from andon.alerting.store.alerts import Alerts, Silences
from andon.alerting.store.notices import Notices
from andon.alerting.store.rules import Channels, KeptChannel
from andon.contracts import Unavailable
from andon.contracts.alerting import (
    Alert,
    AlertRule,
    AlertState,
    ChannelFailing,
    Notice,
    NoticeState,
    Silence,
)
from andon.telemetry import log

_TICK_SECONDS = 0.5
_MOST_DUE = 5000
"""Notices in one message to a channel; it spells out the first of them and counts the rest."""
_HELD_SECONDS = 20.0
"""How often a silenced notice is looked at again."""
_UNTOLD = frozenset({ACKNOWLEDGED, COMMENTED})
_log = log("andon.alerting")


@dataclass
class Outbox:
    channels: Channels
    notices: Notices
    alerts: Alerts
    silences: Silences
    sender: Sender
    safe: Safe
    clock: Callable[[], datetime]
    herald: Herald
    rules: Callable[[], Mapping[str, AlertRule]] = dict
    news: Callable[[], None] = lambda: None
    """Called when a channel began or ceased to fail."""
    known: dict[str, KeptChannel] = field(default_factory=dict[str, KeptChannel])
    """Channels as of the last reading."""
    _rest_until: dict[str, float] = field(default_factory=dict[str, float])
    _under_way: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])

    @property
    def patience(self) -> Patience:
        settings = self.sender.settings
        return Patience(settings.attempts, settings.first_retry, settings.longest_retry)

    async def add(self, changes: Iterable[tuple[Alert, str, int]]) -> None:
        """Have changes told to whom they concern; each with its place in its alert's history.

        Raises Unavailable."""
        now, wait = self.clock(), self.sender.settings.group_seconds
        channels, rules = await self.channels.all(), self.rules()
        await self.notices.add(
            [
                notice(channel, alert, change, number=number, now=now, wait=wait)
                for alert, change, number in changes
                if change not in _UNTOLD
                for channel in wanted(channels, rules.get(alert.rule), alert, change)
            ]
        )

    async def wake(self) -> None:
        """Look at everything that waits now."""
        self._rest_until.clear()
        await self.notices.wake(self.clock())

    async def run(self, leads: asyncio.Event) -> None:
        """Send what is due, channel by channel: one that hangs holds up no other."""
        try:
            while True:
                await leads.wait()
                with suppress(Unavailable):  # the store says so itself
                    await self._look()
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            for task in self._under_way.values():
                task.cancel()
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def failing(self, condition: ChannelFailing) -> Iterator[tuple[Subject, Finding]]:
        """What the rule about channels finds."""
        for each in self.known.values():
            if each.failures >= condition.attempts and each.enabled:
                since = each.failing_since.isoformat(timespec="seconds") if each.failing_since else "?"
                why = f"nothing arrives at {each.title} since {since}: {each.last_error}"
                yield Subject(each.id), Finding(Verdict.BAD, why)
            else:
                yield Subject(each.id), UNSURE if each.failures and each.enabled else GOOD

    async def send_now(self, channel: KeptChannel, digest: Digest) -> str | None:
        """Raises Undelivered; tells what was wrong although it arrived. Remembers either with the channel."""
        try:
            secret = await self.safe.opened(channel.secret, channel.id)
            complaint = await self.sender.send(channel.target, secret, digest)
        except Undelivered as error:
            await self.channels.failed(channel, str(error), self.clock())
            await self.herald.channel(channel.id)
            raise
        if complaint is None:
            await self.channels.arrived(channel.id, self.clock())
        else:
            await self.channels.failed(channel, complaint, self.clock())
        await self.herald.channel(channel.id)
        return complaint

    async def _look(self) -> None:
        before = {each.id: each.failures for each in self.known.values()}
        self.known = {each.id: each for each in await self.channels.all()}
        if before != {each.id: each.failures for each in self.known.values()}:
            self.news()
        clock = asyncio.get_running_loop().time()
        for channel in self.known.values():
            busy = self._under_way.get(channel.id)
            if busy is not None and busy.done():
                del self._under_way[channel.id]
                busy.result()
            elif busy is not None or not channel.enabled or self._rest_until.get(channel.id, 0) > clock:
                continue
            self._under_way[channel.id] = asyncio.create_task(self._turn(channel))

    async def _turn(self, channel: KeptChannel) -> None:
        """One message to one channel, if there is something to tell."""
        try:
            now = self.clock()
            due = await self.notices.due(channel.id, now, _MOST_DUE)
            if not due:
                return
            alerts = await self.alerts.some([each.alert_id for each in due])
            ready, others = _sorted_out(due, alerts, await self.silences.running(now), now)
            if others:
                await self.notices.save(others)
            if ready:
                await self._tell(channel, ready, alerts, now)
        except Unavailable as away:
            _log.warning("notices wait", channel=channel.id, reason=str(away))

    async def _tell(
        self, channel: KeptChannel, ready: Sequence[Notice], alerts: Mapping[str, Record], now: datetime
    ) -> None:
        key = hashlib.sha256("\n".join(each.id for each in ready).encode()).hexdigest()[:32]
        told = [Told(each.change, alerts[each.alert_id].alert()) for each in ready]
        digest = composed(channel, key, told, len(ready), now)
        loop = asyncio.get_running_loop()
        try:
            await self.send_now(channel, digest)
        except Undelivered as error:
            _log.warning("notices did not arrive", channel=channel.id, count=len(ready), reason=str(error))
            after = [self.patience.after(each, str(error), self.clock()) for each in ready]
            await self.notices.save(after)
            self._rest_until[channel.id] = loop.time() + self.patience.rest(channel.failures + 1)
        else:
            await self.notices.save([sent(each, self.clock()) for each in ready])
            self._rest_until[channel.id] = loop.time() + self.sender.settings.pause_seconds


def _sorted_out(
    due: Sequence[Notice], alerts: Mapping[str, Record], running: Sequence[Silence], now: datetime
) -> tuple[list[Notice], list[Notice]]:
    """What is sent now, and what is held or dropped: of what was over before its silence was, nothing."""
    ready, others = list[Notice](), list[Notice]()
    unsent = {each.alert_id for each in due if each.change == OPENED}
    for each in due:
        alert = alerts.get(each.alert_id)
        if alert is None:
            others.append(each.model_copy(update={"state": NoticeState.DROPPED}))
        elif not any(silences(silence, alert, now) for silence in running):
            ready.append(each)
        elif alert.state is AlertState.RESOLVED and alert.id in unsent:
            others.append(each.model_copy(update={"state": NoticeState.DROPPED}))
        else:
            others.append(each.model_copy(update={"next_at": now + timedelta(seconds=_HELD_SECONDS)}))
    return ready, others
