"""One batch job in this process's hands: its files are judged like any frame, and told of while they are."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

from andon.contracts import NotFound, Refused, Unavailable, batch
from andon.contracts.batch import FileResult, FileState, JobState
from andon.contracts.inspection import FrameCaptured, Inspection
from andon.inspection.adapters.folders import Roots, files_of, read_file
from andon.inspection.adapters.luggage import Luggage
from andon.inspection.adapters.models import NoModel
from andon.inspection.domain.batch import Tally, ending, frame_id, matching, named, part_id
from andon.inspection.handlers.frames import Inspector
from andon.inspection.store.batches import BatchStore, OwnedJob
from andon.messaging import Service
from andon.telemetry import log

T = TypeVar("T")

_log = log(__name__)
_BEAT = 0.4
"""Seconds between two looks at a running job: how soon a cancel is seen, and how often progress is said."""
_SAY_SECONDS = 1.0
_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_GIVE_UP = 5
"""Processes that may end over a job without finishing a single file of it."""


@dataclass(frozen=True)
class Tools:
    """What every job is worked off with."""

    batches: BatchStore
    inspector: Inspector
    roots: Roots
    luggage: Luggage
    bus: Service
    files: int
    """Most files of a job."""
    in_work: int
    """Files of a job in work at once."""
    lease: timedelta


@dataclass(eq=False)
class _Files:
    """The files of a job that are still to be judged, handed out one by one."""

    batches: BatchStore
    job_id: str
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _some: list[FileResult] = field(default_factory=list[FileResult])
    _last: int = -1

    async def next(self) -> FileResult | None:
        async with self._turn:
            if not self._some:
                self._some = await self.batches.waiting(self.job_id, self._last)
            if not self._some:
                return None
            file = self._some.pop(0)
            self._last = file.index
            return file


@dataclass(eq=False)
class JobRun:
    """Works a claimed job off, until it ends or is taken away."""

    tools: Tools
    job: OwnedJob
    _tally: Tally | None = None
    """None until what was done before was counted."""
    _over: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when no further file is to be begun."""
    _failure: str | None = None
    _leaving: bool = False
    _told: int = -1
    """Processed files that were last told of."""
    _beaten: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the job is worked off."""

    def leave(self) -> None:
        """Begin no further file, and give the job to whoever takes it next."""
        self._leaving = True
        self._over.set()

    async def work(self) -> None:
        """To the end, or until told to leave."""
        if self.job.interruptions >= _GIVE_UP:
            times = self.job.interruptions
            self._failure = f"the service ended {times} times over it without finishing a file"
            return await self._close()
        beating = asyncio.create_task(self._beat())
        try:
            await self._judge_all()
        finally:
            # Not cancelled: before Python 3.12, a cancel that comes while PyMongo has just written is lost.
            self._beaten.set()
            await asyncio.wait([beating])
        return await (self._let_go() if self._leaving else self._close())

    async def _judge_all(self) -> None:
        try:
            await self._prepare()
        except Refused as refused:
            self._failure = str(refused)
            return
        files = _Files(self.tools.batches, self.job.id)
        async with asyncio.TaskGroup() as group:
            for _ in range(self.tools.in_work):
                group.create_task(self._judge_some(files))

    async def _prepare(self) -> None:
        """Have the job's files written down, and here."""
        luggage = self.tools.luggage
        if not self.job.listed:
            await self._patiently(self._list)
        if self.job.archive is not None and not await asyncio.to_thread(luggage.is_here, self.job):
            await self._patiently(partial(luggage.unpacked, self.job))
        self._tally = await self._patiently(partial(self.tools.batches.tally, self.job.id))

    async def _list(self) -> None:
        folder = self.tools.roots.folder(self.job.input_directory or "", "input_dir")
        names = await asyncio.to_thread(
            files_of,
            folder,
            matching(self.job.file_pattern),
            self.tools.roots,
            recursive=self.job.recursive,
            most=self.tools.files,
        )
        if not names:
            raise NotFound(f"no file in {folder} matches '{self.job.file_pattern}' any more")
        await self.tools.batches.lay_out(self.job, [named(index, name) for index, name in enumerate(names)])
        changes = {"listed": True, "total_files": len(names)}
        if await self.tools.batches.progress(self.job, changes):
            self.job = self.job.model_copy(update=changes)
        else:
            self._over.set()

    async def _judge_some(self, files: _Files) -> None:
        while not self._over.is_set() and (file := await self._patiently(files.next)):
            result = await self._patiently(partial(self._look_at, file))
            if result is not None and self._tally is not None:
                await self._patiently(partial(self.tools.batches.keep, self.job.id, result))
                self._tally.add(result)

    async def _look_at(self, file: FileResult) -> FileResult | None:
        try:
            part = await self._judged(file)
        except (NoModel, NotFound) as hopeless:  # no other file of this job would fare better
            self._failure = str(hopeless)
            self._over.set()
            return None
        except Unavailable:
            raise
        except Refused as refused:
            return file.model_copy(update={"status": FileState.FAILED, "error": str(refused)})
        judged = {
            "status": FileState.JUDGED,
            "inspection_id": part.id,
            "decision": part.decision,
            "confidence": part.confidence,
            "objects_found": part.objects_found,
        }
        return file.model_copy(update=judged)

    async def _judged(self, file: FileResult) -> Inspection:
        job = self.job
        if job.archive is not None:
            data = await asyncio.to_thread(read_file, self.tools.luggage.place(job, file.index))
        else:
            path = Path(job.input_directory or "") / file.name
            data = await asyncio.to_thread(read_file, path, self.tools.roots)
        frame = FrameCaptured(
            station_id=job.station_id,
            part_id=part_id(file.name),
            frame_id=frame_id(job.id, file.name),
            captured_at=job.started_at,
        )
        return await self.tools.inspector.look(frame, data, "batch")

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T | None:
        """What the work gives, once what it stands on is there; None where the job is over before."""
        pause = _PAUSE
        while True:
            try:
                return await work()
            except Unavailable as away:
                _log.warning("a batch job waits", job=self.job.id, reason=str(away))
            if await _within(pause, self._over):
                return None
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _beat(self) -> None:
        """Keep the lease, write down and say how far the job is, and notice when it is no longer ours."""
        while not self._beaten.is_set():
            try:
                if not await self._still_ours():
                    self._over.set()
                    return
            except Unavailable as away:
                _log.warning("a batch job's progress waits", job=self.job.id, reason=str(away))
            await _within(_BEAT, self._beaten)

    async def _still_ours(self) -> bool:
        changes: dict[str, object] = {"lease_until": datetime.now(UTC) + self.tools.lease}
        processed = self._tally.processed if self._tally else self._told
        moved = processed != self._told
        if self._tally is not None and moved:
            changes |= self._tally.figures(self.job.total_files)
            changes |= {} if self._told < 0 else {"interruptions": 0}
        if not await self.tools.batches.progress(self.job, changes):
            return False
        if moved:
            self._told = processed
            await self._tell(self.job.model_copy(update=changes))
        return True

    async def _close(self) -> None:
        """Write down how it ended; a job that was taken away or cancelled meanwhile stays as it is."""
        figures = self._tally.figures(self.job.total_files) if self._tally else {}
        job = self.job.model_copy(update=figures)
        failure = self._failure or ending(job)
        ended: dict[str, object] = {
            **figures,
            "status": JobState.FAILED if failure else JobState.COMPLETED,
            "error_message": failure,
            "completed_at": datetime.now(UTC),
            "slot": -1,
        }
        self._over.clear()
        if await self._patiently(partial(self.tools.batches.progress, job, ended)):
            await self._tell(job.model_copy(update=ended))
        elif not await self._patiently(partial(self.tools.batches.settle, job, figures)):
            return  # another process goes on with it
        await self._patiently(partial(self.tools.luggage.drop, job))

    async def _let_go(self) -> None:
        try:
            await self.tools.batches.progress(self.job, {"lease_until": datetime.now(UTC)})
        except Unavailable:
            return  # the lease runs out by itself

    async def _tell(self, job: OwnedJob) -> None:
        try:
            async with asyncio.timeout(_SAY_SECONDS):
                await self.tools.bus.say(batch.PROGRESSED, job.public())
        except (TimeoutError, Unavailable) as away:
            _log.warning("a batch job's progress is not said", job=job.id, reason=str(away))


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Whether it was set before that many seconds were over."""
    try:
        async with asyncio.timeout(seconds):
            return await event.wait()
    except TimeoutError:
        return False
