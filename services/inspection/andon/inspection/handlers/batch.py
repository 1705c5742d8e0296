"""Answers about batch jobs: describes them, lets them begin, stops and removes them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from andon.contracts import BadRequest, Conflict, batch
from andon.contracts.batch import BatchJob, JobState
from andon.inspection.adapters.folders import Roots, files_of
from andon.inspection.adapters.luggage import Luggage
from andon.inspection.domain.batch import matching
from andon.inspection.store.batches import BatchStore, OwnedJob
from andon.inspection.store.stations import StationStore
from andon.messaging import Delivery, Service

_ENDED = (JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED)


@dataclass(frozen=True)
class BatchDesk:
    """What people may do with batch jobs."""

    batches: BatchStore
    stations: StationStore
    roots: Roots
    luggage: Luggage
    bus: Service
    most_files: int
    wake: Callable[[], None]
    """Tells this process's runner that there is work."""

    async def create(self, wanted: batch.CreateJob, _: Delivery) -> BatchJob:
        await self.stations.get(wanted.station_id)
        if (wanted.input_dir is None) == (wanted.archive is None):
            raise BadRequest("input_dir: name a folder, or upload an archive", {"input_dir": "missing"})
        job = _described(wanted, datetime.now(UTC))
        return await (self._of_folder(job) if wanted.archive is None else self._of_archive(job))

    async def get(self, wanted: batch.GetJob, _: Delivery) -> BatchJob:
        return (await self.batches.get(wanted.id)).public()

    async def list(self, wanted: batch.ListJobs, _: Delivery) -> batch.Jobs:
        total, jobs = await self.batches.page(wanted.status, wanted.limit, wanted.offset)
        return batch.Jobs(total=total, items=tuple(job.public() for job in jobs))

    async def start(self, wanted: batch.StartJob, _: Delivery) -> BatchJob:
        job = await self.batches.get(wanted.id)
        if job.status is not JobState.PENDING or job.queued_at is not None:
            known = "queued already" if job.status is JobState.PENDING else job.status.value
            raise Conflict(f"only a pending job can be started; this one is {known}")
        job = await self._turned(job, {"queued_at": datetime.now(UTC)})
        self.wake()
        return await self._told(job)

    async def cancel(self, wanted: batch.CancelJob, _: Delivery) -> BatchJob:
        job = await self.batches.get(wanted.id)
        if job.status in _ENDED:
            raise Conflict(f"the job is {job.status.value} already")
        ended = {"status": JobState.CANCELLED, "completed_at": datetime.now(UTC), "slot": -1}
        job = await self._turned(job, ended)
        self.wake()
        if job.lease_until is None or job.lease_until < datetime.now(UTC):
            await self.luggage.drop(job)  # else whoever works at it does so after its last file
        return await self._told(job)

    async def delete(self, wanted: batch.DeleteJob, _: Delivery) -> batch.DeletedJob:
        job = await self.batches.get(wanted.id)
        if job.status is JobState.RUNNING:
            raise Conflict("the job is running: cancel it first")
        if not await self.batches.remove(job):
            raise Conflict("the job has just changed; look again")
        await self.luggage.drop(job)
        return batch.DeletedJob(id=job.id)

    async def results(self, wanted: batch.ListResults, _: Delivery) -> batch.Results:
        job = await self.batches.get(wanted.id)
        found = await self.batches.results(job.id, wanted.limit, wanted.offset)
        return batch.Results(total=job.total_files if job.listed else 0, items=tuple(found))

    async def _of_folder(self, job: OwnedJob) -> BatchJob:
        folder = self.roots.folder(job.input_directory or "", "input_dir")
        pattern = matching(job.file_pattern)
        found = await asyncio.to_thread(
            files_of, folder, pattern, self.roots, recursive=job.recursive, most=self.most_files
        )
        if not found:
            raise BadRequest(
                f"input_dir: no file in it matches '{job.file_pattern}'", {"input_dir": "no such files"}
            )
        job = job.model_copy(update={"input_directory": str(folder), "total_files": len(found)})
        await self.batches.add(job)
        return job.public()

    async def _of_archive(self, job: OwnedJob) -> BatchJob:
        files = await self.luggage.unpacked(job)
        job = job.model_copy(update={"total_files": len(files), "listed": True})
        await self.batches.lay_out(job, files)
        await self.batches.add(job)
        return job.public()

    async def _turned(self, job: OwnedJob, changes: dict[str, object]) -> OwnedJob:
        if not await self.batches.turn(job, changes):
            raise Conflict("the job has just changed; look again")
        return job.model_copy(update=changes)

    async def _told(self, job: OwnedJob) -> BatchJob:
        public = job.public()
        await self.bus.say(batch.PROGRESSED, public)
        return public


def _described(wanted: batch.CreateJob, now: datetime) -> OwnedJob:
    return OwnedJob(
        id=uuid4().hex,
        name=wanted.name,
        station_id=wanted.station_id,
        input_directory=wanted.input_dir,
        archive=wanted.archive,
        file_pattern=wanted.file_pattern or ("*" if wanted.archive else "*.jpg"),
        recursive=wanted.recursive,
        created_at=now,
        created_by=wanted.by,
    )
