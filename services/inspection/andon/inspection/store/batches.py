"""Batch jobs and what became of their files; a job belongs to one living process at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Conflict, NotFound, Time, Unavailable
from andon.contracts.batch import BatchJob, FileResult, FileState, JobState
from andon.contracts.inspection import Decision
from andon.inspection.domain.batch import Tally
from andon.storage import Collection, Database, Index

_PAGE = 500
_NOBODY = ""
_NO_SLOT = -1


class OwnedJob(BatchJob):
    """A job with who works at it."""

    owner: str = _NOBODY
    lease_until: Time | None = None
    """Whoever works at it says so again before; after it, another process takes over."""
    slot: int = _NO_SLOT
    """One of as many places as jobs may run at once, over all processes."""
    listed: bool = False
    """Whether its files are written down."""
    interruptions: int = 0
    """Processes that ended while they worked at it, since a file was last finished."""

    def public(self) -> BatchJob:
        return BatchJob.model_validate(self.model_dump())


class _JobFile(FileResult):
    job_id: str

    def result(self) -> FileResult:
        return FileResult.model_validate(self.model_dump())


@dataclass(eq=False)
class BatchStore:
    """Every change of a job is a compare-and-set on its state and owner."""

    database: Database

    def __post_init__(self) -> None:
        self._jobs = Collection(
            self.database,
            "batch_jobs",
            OwnedJob,
            indexes=(
                Index(("-created_at",)),
                Index(("status", "-created_at")),
                Index(("status", "queued_at")),
                Index(("slot",), unique=True, only={"slot": {"$gte": 0}}),
            ),
        )
        self._files = Collection(
            self.database,
            "batch_files",
            _JobFile,
            key=lambda file: f"{file.job_id}/{file.index:08d}",
            indexes=(Index(("job_id", "index")), Index(("job_id", "status", "index"))),
        )

    async def prepare(self) -> None:
        """Create what lists run on, and what keeps a slot to one job."""
        await self._jobs.prepare()
        await self._files.prepare()

    async def add(self, job: OwnedJob) -> None:
        await self._jobs.add(job)

    async def get(self, job_id: str) -> OwnedJob:
        """Raises NotFound."""
        found = await self._jobs.get(job_id)
        if found is None:
            raise NotFound(f"there is no batch job '{job_id}'")
        return found

    async def page(self, status: JobState | None, limit: int, offset: int) -> tuple[int, list[OwnedJob]]:
        """How many there are, and some of them, newest first."""
        where = {} if status is None else {"status": status}
        found = await self._jobs.find(where, sort=["-created_at"], limit=limit, skip=offset)
        return await self._jobs.count(where), found

    async def turn(self, job: OwnedJob, changes: dict[str, object]) -> bool:
        """Change a job if its state, its place in the queue and its owner are still as read."""
        expected = {"status": job.status, "queued_at": job.queued_at, "owner": job.owner}
        return await self._jobs.swap(job.id, expected, changes)

    async def remove(self, job: OwnedJob) -> bool:
        """Unless somebody began to work at it."""
        if not await self.turn(job, {"status": JobState.CANCELLED, "queued_at": None}):
            return False
        await self._files.delete_where({"job_id": job.id})
        return await self._jobs.delete(job.id)

    async def claim(self, owner: str, now: datetime, until: datetime, slots: int) -> OwnedJob | None:
        """A job whose process is gone, or else the one that waits longest, if a slot is free."""
        left = await self._jobs.find(
            {"status": JobState.RUNNING, "lease_until": {"$lt": now}}, sort=["queued_at"], limit=1
        )
        for job in left:
            changes = {"owner": owner, "lease_until": until, "interruptions": job.interruptions + 1}
            if await self._jobs.swap(job.id, _held(job), changes):
                return job.model_copy(update=changes)
        waiting = await self._jobs.find(
            {"status": JobState.PENDING, "queued_at": {"$gt": ""}}, sort=["queued_at"], limit=1
        )
        for job in waiting:
            begun = {"status": JobState.RUNNING, "owner": owner, "lease_until": until, "started_at": now}
            return await self._in_a_slot(job, begun, slots)
        return None

    async def _in_a_slot(self, job: OwnedJob, begun: dict[str, object], slots: int) -> OwnedJob | None:
        for slot in range(slots):
            changes = {**begun, "slot": slot}
            try:
                taken = await self.turn(job, changes)
            except Conflict:  # the slot is taken: the index lets one job have it
                continue
            return job.model_copy(update=changes) if taken else None
        return None

    async def progress(self, job: OwnedJob, changes: dict[str, object]) -> bool:
        """Write down how far a running job is; False when it is no longer this owner's."""
        return await self._jobs.swap(job.id, {"status": JobState.RUNNING, "owner": job.owner}, changes)

    async def settle(self, job: OwnedJob, figures: dict[str, object]) -> bool:
        """The last figures of a job that was cancelled while files were in work; False when it was not."""
        expected = {"status": JobState.CANCELLED, "owner": job.owner}
        return await self._jobs.swap(job.id, expected, {**figures, "slot": _NO_SLOT})

    async def lay_out(self, job: OwnedJob, files: Sequence[FileResult]) -> None:
        """Write down a job's files; a repeat begins anew."""
        await self._files.delete_where({"job_id": job.id})
        for start in range(0, len(files), _PAGE):
            some = files[start : start + _PAGE]
            try:
                await self._files.add_many([_JobFile(job_id=job.id, **one.model_dump()) for one in some])
            except Conflict as error:
                raise Unavailable("another process is writing down this job's files") from error

    async def keep(self, job_id: str, result: FileResult) -> None:
        """What became of a file; a repeat overwrites with the same."""
        await self._files.put(_JobFile(job_id=job_id, **result.model_dump()))

    async def results(self, job_id: str, limit: int, offset: int) -> list[FileResult]:
        """In the order of the files."""
        where = {"job_id": job_id, "index": {"$gte": offset, "$lt": offset + limit}}
        return [one.result() for one in await self._files.find(where, sort=["index"], limit=limit)]

    async def waiting(self, job_id: str, after: int) -> list[FileResult]:
        """Some files that nothing became of yet, with indexes above `after`."""
        where = {"job_id": job_id, "status": FileState.WAITING, "index": {"$gt": after}}
        return [one.result() for one in await self._files.find(where, sort=["index"], limit=_PAGE)]

    async def tally(self, job_id: str) -> Tally:
        """Counted from the files themselves."""
        decided = {
            decision: await self._files.count(
                {"job_id": job_id, "status": FileState.JUDGED, "decision": decision}
            )
            for decision in Decision
        }
        return Tally(
            passed=decided[Decision.PASS],
            failed=decided[Decision.FAIL],
            uncertain=decided[Decision.UNCERTAIN],
            failed_files=await self._files.count({"job_id": job_id, "status": FileState.FAILED}),
        )

    async def living(self, job_ids: Sequence[str]) -> set[str]:
        """Which of these are jobs that may still need their files."""
        alive = [JobState.PENDING, JobState.RUNNING]
        found = await self._jobs.find({"id": {"$in": list(job_ids)}, "status": {"$in": alive}}, limit=0)
        return {job.id for job in found}


def _held(job: OwnedJob) -> dict[str, object]:
    return {"status": JobState.RUNNING, "owner": job.owner, "lease_until": job.lease_until}
