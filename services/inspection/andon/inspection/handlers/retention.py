"""Takes away what is old and not held, on a schedule and when asked."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import Conflict, Refused, inspection
from andon.contracts.inspection import Decision, EvidenceRemoved, EvidenceUsage, StorageUsage
from andon.inspection.domain import pages
from andon.inspection.domain.retention import Policy, cutoff
from andon.inspection.domain.rollups import KINDS, Rollup, Stored
from andon.inspection.store.counts import Counts
from andon.inspection.store.leases import Lease
from andon.inspection.store.pages import Pages
from andon.inspection.store.removals import Removals, Removed
from andon.inspection.store.rows import Row, Why
from andon.messaging import Delivery, Service
from andon.telemetry import log

_log = log(__name__)

_AT_ONCE = 200
"""Records whose removal is one batch."""
_SCHEDULE = "schedule"
_TURN, _LOOK = 10.0, 0.5
"""Seconds to wait for another replica, and between two looks."""


class RetentionSettings(BaseModel):
    """How long records and pictures stay, and how often that is looked after."""

    days: Annotated[int, Field(ge=1, le=36500)] = 90
    """Pictures."""
    record_days: Annotated[int, Field(ge=1, le=36500)] = 365
    max_gb: Annotated[float, Field(gt=0)] = 100.0
    """Above it the oldest pictures go early; 1 GB is 2^30 bytes."""
    hold_failed: bool = True
    """Failed parts stay whatever their age."""
    every_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """Between cleanups, over all replicas."""
    sweep_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Between looks for removals that a crash cut off."""

    @property
    def policy(self) -> Policy:
        return Policy(self.days, self.record_days, self.max_gb, self.hold_failed)

    @property
    def pace(self) -> "Pace":
        return Pace(timedelta(seconds=self.every_seconds), timedelta(seconds=self.sweep_seconds))


@dataclass(frozen=True)
class Pace:
    """How often the schedule acts."""

    every: timedelta
    """Between cleanups, over all replicas."""
    sweep: timedelta
    """Between looks for removals that a crash cut off."""
    patience: timedelta = timedelta(seconds=30)
    """How old such a removal is."""
    answer_within: float = 20.0
    """Seconds after which an asker is told how far a cleanup got; it goes on."""


@dataclass(eq=False)
class _Cleanup:
    """One cleanup and how far it got."""

    policy: Policy
    by: str
    now: datetime
    removed: Removed = field(default_factory=Removed)

    @property
    def pictures_before(self) -> datetime:
        return cutoff(self.now, min(self.policy.image_days, self.policy.record_days))

    @property
    def records_before(self) -> datetime:
        return cutoff(self.now, self.policy.record_days)

    def told(self, rows: Sequence[Rollup], *, complete: bool) -> EvidenceRemoved:
        return EvidenceRemoved(
            cutoff=self.pictures_before,
            records_cutoff=self.records_before,
            deleted_count=self.removed.files,
            inspections_removed=self.removed.records,
            evidence_removed=self.removed.stripped,
            freed_bytes=self.removed.bytes,
            held=sum(self._held(row) for row in rows),
            complete=complete,
            by=self.by,
            at=datetime.now(UTC),
        )

    def _held(self, row: Rollup) -> int:
        if row.hour < self.records_before:
            return row.remaining(None)
        if row.hour < self.pictures_before:
            return sum(held.files for (kind, _), held in row.stored.items() if kind == KINDS[0])
        return 0


@dataclass(eq=False)
class Retention:
    """Keeps what is to be kept and takes the rest away; `policy` gives what holds at the moment."""

    pages: Pages
    counts: Counts
    removals: Removals
    lease: Lease
    bus: Service
    policy: Callable[[], Policy]
    pace: Pace
    _working: asyncio.Lock = field(default_factory=asyncio.Lock)
    _asked: set["asyncio.Task[EvidenceRemoved]"] = field(default_factory=set)

    async def usage(self, _: inspection.GetUsage, __: Delivery) -> StorageUsage:
        rows = await self.counts.read()
        policy, records = self.policy(), sum(row.remaining(None) for row in rows)
        newest = pages.window(pages.stretches(rows, None, None, None), None, 1)
        size = await self.pages.mean_size(newest) if newest else 0.0
        return StorageUsage(
            evidence=_by_station(rows),
            records=records,
            database_bytes=round(records * size),
            image_days=policy.image_days,
            record_days=policy.record_days,
            max_gb=policy.max_gb,
            hold_failed=policy.hold_failed,
        )

    async def clean(self, wanted: inspection.CleanStorage, _: Delivery) -> EvidenceRemoved:
        """Answers when it is done, or how far it got; then it goes on beside."""
        policy = self.policy()
        if wanted.days is not None:
            policy = replace(policy, image_days=wanted.days, record_days=wanted.days)
        cleanup = _Cleanup(policy, wanted.by, datetime.now(UTC))
        task = asyncio.create_task(self._alone(cleanup))
        self._asked.add(task)
        task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=self.pace.answer_within)
        if task.done():
            return task.result()
        return cleanup.told(await self.counts.read(), complete=False)

    async def run(self) -> None:
        """Sweep and clean up for good, one process at a time."""
        while True:
            await asyncio.sleep(self.pace.sweep.total_seconds())
            try:
                await self._tick()
            except Refused as error:
                _log.warning("the storage can't be looked after; next time", reason=str(error))

    async def stop(self) -> None:
        """Cut off what was asked for; a repeat, or another replica's sweep, goes on from there."""
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)

    async def _tick(self) -> None:
        async with self._working:
            if not await self.lease.take():
                return
            try:
                while await self.removals.sweep(self.pace.patience):
                    await self.lease.take()
                if await self.lease.due(self.pace.every):
                    await self._clean_up(_Cleanup(self.policy(), _SCHEDULE, datetime.now(UTC)))
            finally:
                await self.lease.give_back()

    async def _alone(self, cleanup: _Cleanup) -> EvidenceRemoved:
        """Clean up once no other process of ours does."""
        async with self._working:
            deadline = time.monotonic() + _TURN
            while not await self.lease.take():
                if time.monotonic() > deadline:
                    raise Conflict("another replica is cleaning up; ask again when it is done")
                await asyncio.sleep(_LOOK)
            return await self._clean_up(cleanup)

    async def _clean_up(self, cleanup: _Cleanup) -> EvidenceRemoved:
        """Records that are too old, pictures that are too old, then the oldest pictures above the limit."""
        policy = cleanup.policy
        try:
            async for ids in self._old(cleanup, cleanup.records_before, policy.removable, _takes_all):
                cleanup.removed += await self.removals.take_out(ids, Why.AGED)
            async for ids in self._old(cleanup, cleanup.pictures_before, policy.strippable, _has_pictures):
                cleanup.removed += await self.removals.strip(ids)
            await self._shrink(cleanup)
        finally:
            await self.lease.give_back(done=cleanup.now)
        news = cleanup.told(await self.counts.read(), complete=True)
        if cleanup.removed != Removed() or cleanup.by != _SCHEDULE:
            await self.bus.say(inspection.EVIDENCE_REMOVED, news)
            _log.info("cleaned up", **news.model_dump(mode="json"))
        return news

    async def _shrink(self, cleanup: _Cleanup) -> None:
        rows = await self.counts.read()
        above = sum(held.bytes for row in rows for held in row.stored.values()) - cleanup.policy.max_bytes
        if above <= 0:
            return
        aim = cleanup.removed.bytes + above
        async for ids in self._old(cleanup, None, cleanup.policy.strippable, _has_pictures):
            cleanup.removed += await self.removals.strip(ids)
            if cleanup.removed.bytes >= aim:
                return

    async def _old(
        self,
        cleanup: _Cleanup,
        before: datetime | None,
        worth: Callable[[Rollup], bool],
        wanted: Callable[[Row], bool],
    ) -> AsyncIterator[list[str]]:
        """Ids of records that may go, from the oldest, in batches; the lease is kept while it lasts."""
        rows = [row for row in await self.counts.read() if before is None or row.hour < before]
        hours = pages.stretches(rows, None, None, None)
        for span in pages.oldest_first(hours, worth, _AT_ONCE):
            found = [
                row["_id"]
                for row in await self.pages.removable(span)
                if Decision(row["decision"]) in cleanup.policy.expendable and not row["holds"] and wanted(row)
            ]
            for first in range(0, len(found), _AT_ONCE):
                if not await self.lease.take():
                    raise Conflict("another process took the cleanup over")
                yield found[first : first + _AT_ONCE]

    def _ended(self, task: "asyncio.Task[EvidenceRemoved]") -> None:
        self._asked.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("a cleanup was cut off; a repeat goes on", reason=str(error))


def _takes_all(_: Row) -> bool:
    return True


def _has_pictures(row: Row) -> bool:
    return bool(row["image"] or row["annotated"])


def _by_station(rows: Sequence[Rollup]) -> tuple[EvidenceUsage, ...]:
    sums: dict[tuple[str, str], Stored] = {}
    for row in rows:
        for (kind, _), held in row.stored.items():
            so_far = sums.get((row.station_id, kind), Stored())
            sums[row.station_id, kind] = Stored(so_far.files + held.files, so_far.bytes + held.bytes)
    return tuple(
        EvidenceUsage(station_id=station, kind=kind, files=held.files, bytes=held.bytes)
        for (station, kind), held in sorted(sums.items())
    )
