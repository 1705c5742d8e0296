"""Holds the rules against what was counted: whenever something came, and as time passes."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.alerting.domain.counting import Series, minute_of
from andon.alerting.domain.lifecycle import Record, escalated, lock_of, opened, resolved
from andon.alerting.domain.scopes import Subject, overlaps, subject_of, subjects
from andon.alerting.domain.shifts import on_shift, shift_began
from andon.alerting.domain.verdicts import GOOD, UNSURE, Finding, Verdict, found_in
from andon.alerting.handlers.counting import Counting, key_of, until_news
from andon.alerting.handlers.desk import Desk
from andon.alerting.handlers.plant import Evidence, Fleet, Models
from andon.alerting.handlers.rulebook import Rulebook
from andon.contracts import NotFound, Unavailable
from andon.contracts.alerting import (
    AlertRule,
    CameraSilent,
    ChannelFailing,
    Consecutive,
    Cusum,
    DeviceLost,
    DiskLow,
    Drifting,
    EvidenceFull,
    JobsFailed,
    ModelTakenBack,
    Per,
    Severity,
    Threshold,
    WesternElectric,
)
from andon.telemetry import log, metrics

_TICK_SECONDS = 1.0
_PACE_SECONDS = 0.5
"""However many parts come, the rules look no more often than this."""
_REFRESH_SECONDS = 10.0
"""How often it is read again what other replicas may have changed."""
_JUMP_SECONDS = 30.0
_log = log("andon.alerting")

Found = Iterator[tuple[Subject, Finding]]


@dataclass
class Watcher:
    counting: Counting
    fleet: Fleet
    evidence: Evidence
    models: Models
    rulebook: Rulebook
    desk: Desk
    clock: Callable[[], datetime]
    leads: asyncio.Event
    _all: bool = True
    """Whether to look at everything, not only at what was touched."""
    _minute: int = 0
    _not_before: int = 0
    """The minute from which parts count: windows begin anew when the clock jumps."""
    _times: tuple[float, datetime] | None = None
    """Loop's and wall clock at the last look."""
    _refreshed: float = float("-inf")
    _began: float = 0.0

    def look_at_all(self) -> None:
        """Such as when a rule changed, or something came that is no part."""
        self._all = True
        self.counting.news.set()

    async def watch(self) -> None:
        """Look whenever something came, and every second, since time alone empties a window."""
        await self.rulebook.settled.wait()
        self._began = asyncio.get_running_loop().time()
        while True:
            await until_news(self.counting.news, _TICK_SECONDS)
            if self.leads.is_set():
                with suppress(Unavailable):  # the store says so itself, and the next look finds the same
                    await self.look()
            else:
                self._stand_by()
            await asyncio.sleep(_PACE_SECONDS)

    async def look(self) -> None:
        """Open and resolve what the rules ask for, then remember how far we are. Raises Unavailable."""
        loop = asyncio.get_running_loop().time()
        now = self.clock()
        self._mind_the_clock(loop, now)
        if loop - self._refreshed > _REFRESH_SECONDS:
            await self.rulebook.read()
            await self.desk.refresh()
            self._refreshed = loop
        if self.counting.caught_up:
            await self.counting.reach()
            every = self._all or minute_of(now) != self._minute
            touched = set(self.counting.touched)
            self.counting.touched -= touched
            self._all, self._minute = False, minute_of(now)
            try:
                await self._hold_all(touched, now, every=every)
            except Unavailable:
                self._all = True
                raise
        self._show()
        await self.counting.save()
        await self.fleet.save()

    @asynccontextmanager
    async def remembering(self) -> AsyncIterator[None]:
        """Save once more at the end, when nothing comes any more."""
        yield
        if self.leads.is_set():
            with suppress(Unavailable):
                await self.counting.save()
                await self.fleet.save()

    def _stand_by(self) -> None:
        """An alarm that came and went while another replica led was told by that one."""
        self._all, self._refreshed = True, float("-inf")
        for key, each in self.counting.progress.items():
            if each.untold is not None and not each.alarm:
                self.counting.progress[key] = replace(each, untold=None)

    async def _hold_all(self, touched: set[Series], now: datetime, *, every: bool) -> None:
        # Rules that give way to others come after them: else both would be opened by the same look.
        for rule in sorted(self.rulebook.all.values(), key=lambda each: len(each.unless)):
            if not rule.enabled or not on_shift(rule.schedule, now):
                continue
            opening: list[Record] = []
            for subject, finding in self._findings(rule, touched, now, every=every):
                record = await self._held(rule, subject, finding, now)
                if record is not None:
                    opening.append(record)
            if opening:
                await self.desk.open_all(opening)
        if every:
            await self._see_to_open(now)

    async def _held(
        self, rule: AlertRule, subject: Subject, finding: Finding, now: datetime
    ) -> Record | None:
        """An alert that is to be opened; resolves one that is over."""
        known = self.desk.open.get(lock_of(rule.id, subject.name))
        if finding.verdict is Verdict.GOOD and known is not None:
            await self._resolve(known, now)
        if finding.verdict is Verdict.BAD and known is None and not self._gives_way(rule, subject):
            told = finding.happened and await self.desk.told(rule.id, subject.name, finding.happened)
            return None if told else opened(rule, subject, finding.message, now)
        return None

    def _gives_way(self, rule: AlertRule, subject: Subject) -> bool:
        others = (each for each in self.desk.open.values() if each.rule in rule.unless) if rule.unless else ()
        return any(overlaps(subject, each.station_id, each.subject) for each in others)

    def _findings(self, rule: AlertRule, touched: set[Series], now: datetime, *, every: bool) -> Found:
        condition = rule.condition
        match condition:
            case Threshold():
                yield from self._over_windows(rule, condition, touched, now, every=every)
            case Consecutive() | WesternElectric() | Cusum():
                yield from self._over_parts(rule, touched, every=every)
            case CameraSilent():
                yield from self._silent(rule, condition, now)
            case Drifting() | ModelTakenBack():
                yield from self._gone(rule, self._of_models(rule, condition))
            case DeviceLost():
                yield from self._gone(rule, self.fleet.machines.lost(condition))
            case DiskLow():
                yield from self._gone(rule, self.fleet.machines.low(condition))
            case JobsFailed():
                yield from self.fleet.machines.failed(condition, now)
            case EvidenceFull():
                yield self.evidence.finding(condition)
            case ChannelFailing():
                yield from self._gone(rule, self.desk.outbox.failing(condition))

    def _over_windows(
        self, rule: AlertRule, condition: Threshold, touched: set[Series], now: datetime, *, every: bool
    ) -> Found:
        lines, last = self.counting.lines.lines, minute_of(now)
        first = max(last - condition.window_minutes + 1, self._not_before)
        asked = subjects(rule.scope, self.counting.counts.series, lines)
        wanted = None if every else subjects(rule.scope, touched, lines).keys()
        for subject, series in asked.items():
            if wanted is None or subject in wanted:
                yield (
                    subject,
                    found_in(condition, self.counting.counts.window(series, first, last), subject.words),
                )

    def _over_parts(self, rule: AlertRule, touched: Iterable[Series], *, every: bool) -> Found:
        lines, counting = self.counting.lines.lines, self.counting
        chosen = counting.counts.series if every else touched
        for subject in {subject_of(rule.scope, each, lines.get(each.station_id, "")) for each in chosen}:
            progress = counting.progress.get(key_of(rule, subject)) if subject else None
            if subject is None or progress is None:
                continue
            yield subject, progress.finding()
            if progress.untold is not None:
                counting.seen_to(key_of(rule, subject), replace(progress, untold=None))

    def _silent(self, rule: AlertRule, condition: CameraSilent, now: datetime) -> Found:
        loop, counting = asyncio.get_running_loop().time(), self.counting
        own = rule.scope.model_copy(update={"per": Per.STATION})  # each camera is one of its own
        for station_id in {each.station_id for each in counting.counts.series}:
            line = counting.lines.lines.get(station_id, "")
            subject = subject_of(own, Series(station_id, ""), line)
            if subject is None:
                continue
            heard = counting.heard.get(station_id)
            quiet = loop - (heard.clock if heard else self._began)
            began = shift_began(rule.schedule, now) if rule.schedule else None
            if began is not None:
                quiet = min(quiet, (now - began).total_seconds())
            if quiet > condition.seconds:
                why = f"no frame came from {station_id} for {condition.seconds} s"
                yield subject, Finding(Verdict.BAD, why)
            else:
                yield subject, GOOD if heard else UNSURE

    def _of_models(self, rule: AlertRule, condition: Drifting | ModelTakenBack) -> Found:
        own, lines = rule.scope.model_copy(update={"per": Per.STATION}), self.counting.lines.lines
        for subject, version, finding in self.models.findings(condition):
            station_id = subject.station_id or ""
            if subject_of(own, Series(station_id, version), lines.get(station_id, "")) is not None:
                yield subject, finding

    def _gone(self, rule: AlertRule, found: Found) -> Found:
        """And what is open about something that is not there any more is over."""
        names: set[str] = set()
        for subject, finding in found:
            names.add(subject.name)
            yield subject, finding
        for known in list(self.desk.open.values()):
            if known.rule == rule.id and known.subject not in names:
                yield Subject(known.subject, known.station_id), GOOD

    async def _see_to_open(self, now: datetime) -> None:
        """Raise what nobody acknowledged; end what no rule stands behind any more."""
        rules = self.rulebook.all
        for known in list(self.desk.open.values()):
            rule = rules.get(known.rule)
            if rule is None or not rule.enabled:
                why = "its rule is gone" if rule is None else "its rule was switched off"
                await self._resolve(known, now, why)
            elif escalated(known, rule.escalation, now) is not known:
                steps = rule.escalation
                with suppress(NotFound):
                    await self.desk.change(known.id, lambda one, steps=steps: escalated(one, steps, now))

    async def _resolve(self, known: Record, now: datetime, why: str = "") -> None:
        with suppress(NotFound):
            await self.desk.change(known.id, lambda one: resolved(one, now, why=why))
            _log.info("alert resolved", rule=known.rule, subject=known.subject, alert=known.id)

    def _mind_the_clock(self, loop: float, now: datetime) -> None:
        """Parts from before a jump of the clock say nothing of the last minutes."""
        before, self._times = self._times, (loop, now)
        if before is None:
            return
        expected = before[1] + timedelta(seconds=loop - before[0])
        jump = (now - expected).total_seconds()
        if abs(jump) > _JUMP_SECONDS:
            _log.warning("the clock jumped: windows begin anew", seconds=round(jump))
            self._not_before = minute_of(now)
            self._all = True

    def _show(self) -> None:
        for severity in Severity:
            count = sum(each.severity is severity for each in self.desk.open.values())
            metrics.ALERTS_OPEN.labels(severity).set(count)
