"""Counts what is judged as it is said, and keeps the counts."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from andon.alerting.domain.charts import Progress, advanced
from andon.alerting.domain.counting import HOUR, Counts, Hour, Series
from andon.alerting.domain.previewing import basis_of
from andon.alerting.domain.scopes import Subject, subject_of
from andon.alerting.domain.shifts import on_shift
from andon.alerting.handlers.plant import Lines
from andon.alerting.store.rollups import Rollups
from andon.contracts import Message, inspection, stream_of
from andon.contracts.alerting import (
    AlertRule,
    Condition,
    Consecutive,
    Cusum,
    Scope,
    Threshold,
    WesternElectric,
)
from andon.messaging import Delivery, Service

STREAM = stream_of(inspection.PART_JUDGED)
PARTS = (inspection.PART_JUDGED, inspection.FRAME_REFUSED)

_QUIET_SECONDS = 2.0
_LEAST_HOURS = 3
_SEQUENTIAL = (Consecutive, WesternElectric, Cusum)


@dataclass(frozen=True)
class Heard:
    """When something last came from a station."""

    clock: float
    """On the loop's clock: no jump of the wall clock makes a camera silent."""
    at: datetime


@dataclass
class Counting:
    bus: Service
    rollups: Rollups
    lines: Lines
    clock: Callable[[], datetime]
    rules: Callable[[], Mapping[str, AlertRule]]
    ready: Callable[[], Awaitable[None]]
    """Reads the rules: parts that were judged while nobody counted are held against them, too."""
    counts: Counts = field(default_factory=Counts)
    progress: dict[str, Progress] = field(default_factory=dict[str, Progress])
    """Of rules that go from part to part, by `key_of`."""
    subjects: dict[str, Subject] = field(default_factory=dict[str, Subject])
    heard: dict[str, Heard] = field(default_factory=dict[str, Heard])
    touched: set[Series] = field(default_factory=set[Series])
    """Since the rules last looked."""
    news: asyncio.Event = field(default_factory=asyncio.Event)
    seq: int = 0
    _saved: int | None = None
    """The place in the stream that the store has; None before it was read."""
    _lines: dict[str, str] = field(default_factory=dict[str, str])
    """Which the store has."""
    _until: int = 0
    """The place from which what we know is what there is."""
    _last: float = 0.0
    _moved: set[str] = field(default_factory=set[str])
    """Progress that the store does not have."""

    async def place(self) -> int:
        """Load what was kept and say where to go on in the stream."""
        if self._saved is None:
            await self.ready()
            self.lines.lines = await self.rollups.lines() | self.lines.lines
            mark = await self.rollups.mark(STREAM)
            self.counts.keep_hours = self._longest_hours()
            since = self.clock() - timedelta(hours=self.counts.keep_hours)
            self.counts.take(await self.rollups.hours(since))
            self.progress = await self.rollups.progress()
            self.seq = self._saved = mark or 0
        self._until = await self.bus.last_sequence(STREAM)
        if self._until < self.seq:  # the stream began anew: it is read again, from nothing
            await self.rollups.start_anew()
            self.counts.forget()
            self.progress.clear()
            self.seq = self._saved = 0
        self._last = asyncio.get_running_loop().time()
        return self.seq

    async def count(self, message: Message, delivery: Delivery) -> None:
        """Count a part or a frame that could not be judged."""
        seq, now = delivery.sequence, self.clock()
        self._last = asyncio.get_running_loop().time()
        match message:
            case inspection.Inspection():
                series = Series(message.station_id, message.model_version)
                self.counts.part(message, seq, now)
                self._advance(message, series, seq)
            case inspection.FrameRefused():
                series = Series(message.station_id, "")
                self.counts.refused(message, seq, now)
            case _:
                return
        if self.caught_up:
            self.heard[series.station_id] = Heard(self._last, now)
        self.touched.add(series)
        self.seq = seq
        self.news.set()

    @property
    def caught_up(self) -> bool:
        """Half of a window that is being read again would be judged as if it were all."""
        if self._saved is None:
            return False
        quiet = asyncio.get_running_loop().time() - self._last
        return self.seq >= self._until or quiet > _QUIET_SECONDS

    async def reach(self) -> None:
        """Know as much as the longest window needs, also when it has become longer. Raises Unavailable."""
        hours = self._longest_hours()
        if hours > self.counts.keep_hours:
            self.counts.take(await self.rollups.hours(self.clock() - timedelta(hours=hours)))
        self.counts.keep_hours = hours

    async def save(self) -> None:
        """Counts first, then how far they go: what is counted again finds itself counted."""
        if self.lines.lines != self._lines:
            self._lines = dict(self.lines.lines)
            await self.rollups.save_lines(self._lines)
        if self._saved is None or self.seq == self._saved:
            return
        seq, changed = self.seq, set(self.counts.changed)
        hours = [found for series, hour in changed if (found := self.counts.hour(series, hour)) is not None]
        copies = [Hour(each.series, each.hour, each.seq, dict(each.minutes)) for each in hours]
        moved = {key: self.progress[key] for key in self._moved if key in self.progress}
        await self.rollups.save(copies)
        await self.rollups.save_progress(list(moved.items()))
        await self.rollups.set_mark(STREAM, seq)
        self._saved = seq
        self.counts.changed -= {(each.series, each.hour) for each in hours if self._same(each, copies)}
        self._moved -= {key for key, before in moved.items() if self.progress.get(key) is before}
        self.counts.age(self.clock())

    def seen_to(self, key: str, progress: Progress) -> None:
        """The alarm of a rule that goes from part to part was told."""
        self.progress[key] = progress
        self._moved.add(key)

    def _longest_hours(self) -> int:
        windows = [
            rule.condition.window_minutes
            for rule in self.rules().values()
            if isinstance(rule.condition, Threshold) and rule.enabled
        ]
        return max([_LEAST_HOURS, *(minutes // HOUR + 2 for minutes in windows)])

    def _advance(self, part: inspection.Inspection, series: Series, seq: int) -> None:
        for rule in self.rules().values():
            condition = rule.condition
            if not isinstance(condition, _SEQUENTIAL) or not rule.enabled:
                continue
            subject = subject_of(rule.scope, series, self.lines.lines.get(series.station_id, ""))
            if subject is None or not on_shift(rule.schedule, part.judged_at):
                continue
            key = key_of(rule, subject)
            before = self.progress.get(key, Progress())
            after = advanced(condition, before, part, seq, where=subject.words, basis=basis_of(rule, part))
            self.subjects[key] = subject
            self.progress[key] = after
            self._moved.add(key)

    @staticmethod
    def _same(hour: Hour, copies: list[Hour]) -> bool:
        return any(each.id == hour.id and each.seq == hour.seq for each in copies)


def key_of(rule: AlertRule, subject: Subject) -> str:
    """Under which progress is kept; another one when the rule says something else."""
    said = _said(rule.condition, rule.scope)  # type: ignore[arg-type] - frozen models can be hashed
    return f"{rule.id}/{said}/{subject.name}"


@lru_cache(maxsize=1024)
def _said(condition: Condition, scope: Scope) -> str:
    said = condition.model_dump_json() + scope.model_dump_json()
    return sha256(said.encode()).hexdigest()[:12]


async def until_news(news: asyncio.Event, seconds: float) -> None:
    """Return when something came, or after a while."""
    with suppress(TimeoutError):
        await asyncio.wait_for(news.wait(), seconds)
    news.clear()
