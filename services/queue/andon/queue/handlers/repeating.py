"""Jobs that are run again, from the records of what they were made of."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.contracts import Conflict, NotFound
from andon.contracts.queue import ENDED, GetRecord, JobRecord, Repeated, RepeatJob
from andon.contracts.workspace import Archive, ArchiveKind
from andon.messaging import Delivery
from andon.queue.domain.ids import new_id
from andon.queue.domain.record import Record
from andon.queue.domain.repeating import asked_again, hindrances, notes
from andon.queue.handlers.intake import Intake
from andon.queue.store.jobs import Jobs
from andon.queue.store.records import Records
from andon.queue.store.workspace import Workspace

_KINDS = {each.value: each for each in ArchiveKind}


@dataclass
class Repeating:
    jobs: Jobs
    records: Records
    workspace: Workspace
    intake: Intake
    clock: Callable[[], datetime]

    async def record(self, ask: GetRecord, _: Delivery) -> JobRecord:
        """Raises NotFound."""
        return await self._record(await self.jobs.find(ask.id), ask.attempt)

    async def repeat(self, ask: RepeatJob, _: Delivery) -> Repeated:
        """Raises NotFound, and Conflict while the job runs."""
        job = await self.jobs.find(ask.id)
        if job.status not in ENDED:
            raise Conflict(
                f"the job is {job.status.value}: it can run again once it has ended", {"id": "not ended"}
            )
        record = await self._record(job, ask.attempt)
        differences = hindrances(record)
        told = notes(record, await self._archives(record))
        if differences and not ask.anyway:
            return Repeated(differences=differences, notes=told)
        wanted = asked_again(job.job(), record, ask, ask.new_id or new_id(self.clock()))
        again = await self.intake.take(wanted)
        return Repeated(job=again.job(), differences=differences, notes=told)

    async def _record(self, job: Record, attempt: int | None) -> JobRecord:
        found = await self.records.get(job.id, attempt)
        if found is None:
            which = "" if attempt is None else f" of its attempt {attempt}"
            raise NotFound(f"there is no record{which} of job {job.id}: it did not come to its start")
        return found

    async def _archives(self, record: JobRecord) -> dict[tuple[str, str], Archive]:
        names: dict[ArchiveKind, set[str]] = defaultdict(set)
        for given in record.inputs:
            if given.kind in _KINDS:
                names[_KINDS[given.kind]].add(given.name)
        found = [
            each for kind, of in names.items() for each in await self.workspace.named(kind, tuple(sorted(of)))
        ]
        return {(each.kind.value, each.name): each for each in found}
