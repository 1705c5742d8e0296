"""What was counted, how far the streams were read for it, and who of several replicas counts."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime

from pydantic import BaseModel

from andon.alerting.domain.charts import Progress
from andon.alerting.domain.counting import HOUR, Hour, Series, Tally, minute_of
from andon.alerting.domain.machines import Machine, Machines
from andon.alerting.store.alerts import DATABASE
from andon.alerting.store.pages import pages
from andon.contracts import Conflict
from andon.contracts.rollout import DriftNews, RolledBack
from andon.storage import Collection, Index, Mongo

_LEADER = "leader"


class _Minute(BaseModel):
    minute: int
    tally: Tally


class _KeptHour(BaseModel):
    id: str
    hour: int
    station_id: str
    model: str
    seq: int
    minutes: tuple[_Minute, ...]


class _Mark(BaseModel):
    id: str
    seq: int


class _KeptProgress(BaseModel):
    id: str
    progress: Progress


class _KeptMachines(BaseModel):
    id: str = "machines"
    seq: int = 0
    devices: dict[str, Machine] = {}
    failures: dict[str, tuple[tuple[int, int], ...]] = {}


class _KeptDrifts(BaseModel):
    id: str = "drifts"
    seq: int = 0
    now: tuple[DriftNews, ...] = ()
    taken_back: tuple[RolledBack, ...] = ()


class _KeptLines(BaseModel):
    id: str = "lines"
    lines: tuple[tuple[str, str], ...] = ()


class _Lease(BaseModel):
    id: str = _LEADER
    holder: str
    beat: int = 0


class Rollups:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(DATABASE)
        self._hours = Collection(database, "hours", _KeptHour, indexes=(Index(("hour",)),))
        self._marks = Collection(database, "marks", _Mark)
        self._progress = Collection(database, "progress", _KeptProgress)
        self._machines = Collection(database, "machines", _KeptMachines)
        self._drifts = Collection(database, "drifts", _KeptDrifts)
        self._lines = Collection(database, "lines", _KeptLines)

    async def prepare(self) -> None:
        await self._hours.prepare()

    async def mark(self, stream: str) -> int | None:
        """How far a stream was counted; None before the first time."""
        found = await self._marks.get(stream)
        return None if found is None else found.seq

    async def set_mark(self, stream: str, seq: int) -> None:
        """Only after everything up to there was saved: what is counted again finds itself counted."""
        await self._marks.put(_Mark(id=stream, seq=seq))

    async def hours(self, since: datetime, until: datetime | None = None) -> list[Hour]:
        """All series, oldest first."""
        span = {"$gte": minute_of(since) // HOUR}
        if until is not None:
            span["$lte"] = minute_of(until) // HOUR
        return [_hour(each) for each in await self._hours.find({"hour": span}, sort=["hour"], limit=0)]

    async def save(self, hours: Sequence[Hour]) -> None:
        for some in pages(hours):
            await self._hours.put_many([_kept(each) for each in some])

    async def start_anew(self) -> None:
        """The stream is another one: its sequences say nothing of what was counted."""
        await self._hours.delete_where({})
        await self._progress.delete_where({})

    async def forget(self, before: datetime) -> None:
        await self._hours.delete_where({"hour": {"$lt": minute_of(before) // HOUR}})

    async def progress(self) -> dict[str, Progress]:
        """Of rules that go from part to part, by rule and subject."""
        return {each.id: each.progress for each in await self._progress.find(limit=0)}

    async def save_progress(self, changed: Sequence[tuple[str, Progress]]) -> None:
        for some in pages(changed):
            await self._progress.put_many([_KeptProgress(id=key, progress=each) for key, each in some])

    async def machines(self) -> Machines:
        found = await self._machines.get("machines") or _KeptMachines()
        failures = {queue: dict(minutes) for queue, minutes in found.failures.items()}
        return Machines(found.seq, dict(found.devices), failures)

    async def lines(self) -> dict[str, str]:
        """The line of each station, as known last."""
        found = await self._lines.get("lines")
        return dict(found.lines) if found else {}

    async def save_lines(self, lines: Mapping[str, str]) -> None:
        await self._lines.put(_KeptLines(lines=tuple(lines.items())))

    async def models(self) -> tuple[int, tuple[DriftNews, ...], tuple[RolledBack, ...]]:
        """How far the news of models were read, what drifts, and what was taken back."""
        found = await self._drifts.get("drifts") or _KeptDrifts()
        return found.seq, found.now, found.taken_back

    async def save_models(self, seq: int, now: Iterable[DriftNews], taken_back: Iterable[RolledBack]) -> None:
        await self._drifts.put(_KeptDrifts(seq=seq, now=tuple(now), taken_back=tuple(taken_back)))

    async def save_machines(self, machines: Machines) -> None:
        failures = {queue: tuple(minutes.items()) for queue, minutes in machines.failures.items()}
        await self._machines.put(_KeptMachines(seq=machines.seq, devices=machines.devices, failures=failures))


class Leases:
    """Who counts and tells, where several replicas run. Every method raises Unavailable."""

    def __init__(self, mongo: Mongo) -> None:
        self._leases = Collection(mongo.database(DATABASE), "leases", _Lease)

    async def seen(self) -> tuple[str, int]:
        """Holder and beat."""
        found = await self._leases.get(_LEADER)
        if found is None:
            with suppress(Conflict):  # another replica was first
                await self._leases.add(_Lease(holder=""))
            return "", 0
        return found.holder, found.beat

    async def take(self, holder: str, seen: tuple[str, int]) -> bool:
        """Whether it was still as seen; the beat goes up."""
        before, beat = seen
        return await self._leases.swap(
            _LEADER, {"holder": before, "beat": beat}, {"holder": holder, "beat": beat + 1}
        )


def _kept(hour: Hour) -> _KeptHour:
    minutes = tuple(_Minute(minute=minute, tally=tally) for minute, tally in sorted(hour.minutes.items()))
    where = hour.series
    return _KeptHour(
        id=hour.id,
        hour=hour.hour,
        station_id=where.station_id,
        model=where.model,
        seq=hour.seq,
        minutes=minutes,
    )


def _hour(kept: _KeptHour) -> Hour:
    minutes = {each.minute: each.tally for each in kept.minutes}
    return Hour(Series(kept.station_id, kept.model), kept.hour, kept.seq, minutes)
