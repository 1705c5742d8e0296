"""Starts and runs builds, and answers about versions."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from andon.contracts import BadRequest, Conflict, Invalid, NotFound, Refused, Unavailable, dataset
from andon.contracts.dataset import (
    Build,
    BuildState,
    DatasetVersion,
    Difference,
    Fractions,
    RunBuild,
    Sample,
    StartBuild,
)
from andon.messaging import Delivery, Service
from andon.storage import Blobs
from andon.telemetry import log
from andon.training.datasets import contents, splitting
from andon.training.datasets.gathering import Gathered, Gatherer
from andon.training.datasets.store import BuildRow, DatasetStore

_TRIES = 20
_INTERRUPTIONS = 5
"""After so many the build itself is held to be what kills the service."""
_log = log("andon.training.datasets")


@dataclass(frozen=True)
class DatasetDesk:
    """Where versions are ordered, looked at and approved."""

    bus: Service
    store: DatasetStore
    gatherer: Gatherer
    blobs: Blobs
    clock: Callable[[], datetime]
    _waiting: set[str] = field(default_factory=set[str])
    """Builds that an outage broke off here: they begin again, and nothing ended in their middle."""

    async def start(self, wanted: StartBuild, _: Delivery) -> Build:
        """Raises BadRequest naming the field, and NotFound for a base that there is not."""
        _check(wanted)
        if wanted.base is not None:
            base = await self.store.known(wanted.base)
            if base.dataset != wanted.dataset:
                raise BadRequest(f"base: it is a version of '{base.dataset}'", {"base": "of another dataset"})
        row = BuildRow(
            id=wanted.build_id or f"build-{uuid4().hex[:12]}",
            dataset=wanted.dataset,
            state=BuildState.QUEUED,
            created_at=self.clock(),
            by=wanted.by,
            wanted=wanted,
        )
        try:
            await self.store.add_build(row)
        except Conflict:
            known = await self.store.build(row.id)
            if known is None or known.wanted != wanted:
                raise
            row = known
        await self.bus.say(dataset.RUN, RunBuild(id=row.id, wanted=wanted), once=row.id)
        return _shown(row)

    async def build(self, wanted: dataset.GetBuild, _: Delivery) -> Build:
        row = await self.store.build(wanted.id)
        if row is None:
            raise NotFound(f"there is no build {wanted.id}")
        return _shown(row)

    async def run(self, command: RunBuild, _: Delivery) -> None:
        """What is wrong with the sources stands in the build's record."""
        row = await self.store.build(command.id)
        if row is None or row.ended_at is not None:  # a repeat of what is done
            return
        interrupted = row.interrupted + (row.state is BuildState.RUNNING and row.id not in self._waiting)
        self._waiting.discard(row.id)
        if interrupted >= _INTERRUPTIONS:
            why = f"the service ended {interrupted} times in the middle of this build; it is not tried again"
            await self._ended(command, BuildState.FAILED, message=why)
            return
        await self.store.tell(row.id, state=BuildState.RUNNING, interrupted=interrupted)
        try:
            version = await self._made(command)
        except Unavailable:
            self._waiting.add(row.id)
            raise
        except Refused as refused:
            _log.warning("a dataset build failed", build=command.id, reason=str(refused))
            await self._ended(command, BuildState.FAILED, message=str(refused))
        else:
            await self._ended(
                command,
                BuildState.SUCCEEDED,
                message="; ".join(version.notes),
                samples=version.counts.samples,
                version_id=version.id,
            )

    async def get(self, wanted: dataset.GetVersion, _: Delivery) -> DatasetVersion:
        return await self.store.known(wanted.id)

    async def list(self, wanted: dataset.ListVersions, _: Delivery) -> dataset.Versions:
        return await self.store.listed(wanted)

    async def samples(self, wanted: dataset.ListSamples, _: Delivery) -> dataset.Samples:
        """In the manifest's order."""
        found = [each for each in await self.contents(wanted.id) if _fits(each, wanted)]
        page = found[wanted.offset : wanted.offset + wanted.limit]
        return dataset.Samples(total=len(found), items=tuple(page))

    async def contents(self, version_id: str) -> Sequence[Sample]:
        """All of a version's samples. Raises NotFound."""
        return (await self.store.manifest(version_id)).samples

    async def approve(self, wanted: dataset.ApproveVersion, _: Delivery) -> DatasetVersion:
        await self.store.known(wanted.id)
        version = await self.store.approve(wanted, self.clock())
        await self.bus.say(dataset.APPROVED, version)
        return version

    async def compare(self, wanted: dataset.CompareVersions, _: Delivery) -> Difference:
        newer, older = await self.contents(wanted.id), await self.contents(wanted.other)
        return contents.compared(wanted, newer, older)

    async def _made(self, command: RunBuild) -> DatasetVersion:
        async def told(message: str, samples: int) -> None:
            await self.store.tell(command.id, state=BuildState.RUNNING, message=message, samples=samples)

        await told("looking for images", 0)
        gathered = await self.gatherer.gather(command.wanted, told)
        if not gathered.samples:
            why = "; ".join(gathered.notes()) or "nothing of what was named has a label"
            raise Invalid(f"there is no sample for this dataset version: {why}")
        await told("finding near-duplicates", len(gathered.samples))
        samples, notes = await asyncio.to_thread(_spread, gathered, command.wanted.fractions)
        return await self._versioned(command.wanted, samples, [*gathered.notes(), *notes])

    async def _versioned(
        self, wanted: StartBuild, samples: Sequence[Sample], notes: Sequence[str]
    ) -> DatasetVersion:
        version_id, data = contents.packed(wanted.dataset, samples)
        key = await self.store.put_manifest(version_id, data)
        for _ in range(_TRIES):
            known = await self.store.version(version_id)
            if known is not None:  # the same samples: the same version
                return known
            version = DatasetVersion(
                id=version_id,
                dataset=wanted.dataset,
                number=await self.store.last_number(wanted.dataset) + 1,
                manifest_key=key,
                manifest_size=len(data),
                counts=contents.counted(samples),
                notes=(*notes, *contents.remarks(samples)),
                base=wanted.base,
                description=wanted.description,
                created_at=self.clock(),
                by=wanted.by,
            )
            with suppress(Conflict):  # another build of this dataset took the number
                await self.store.add(version)
                await self.bus.say(dataset.BUILT, version, once=version.id)
                return version
        raise Unavailable(f"too many builds of '{wanted.dataset}' at once; try again")

    async def _ended(
        self,
        command: RunBuild,
        state: BuildState,
        *,
        message: str,
        samples: int = 0,
        version_id: str | None = None,
    ) -> None:
        await self.store.tell(
            command.id,
            state=state,
            message=message,
            samples=samples,
            version_id=version_id,
            ended_at=self.clock(),
        )
        if command.wanted.archive is not None:
            await self.blobs.delete(command.wanted.archive.key)


def _spread(gathered: Gathered, fractions: Fractions) -> tuple[list[Sample], list[str]]:
    samples = list(gathered.samples.values())
    grouped = splitting.grouped(samples)
    return splitting.split(samples, grouped.group, fractions, gathered.fixed), list(grouped.notes)


def _check(wanted: StartBuild) -> None:
    shares = wanted.fractions
    if abs(shares.train + shares.val + shares.test - 1) > 1e-6:  # noqa: PLR2004 - rounding
        raise BadRequest("fractions: together they are not 1", {"fractions": "not 1"})
    if not (wanted.base or wanted.annotations or wanted.taught or wanted.archive):
        raise BadRequest(
            "name at least one source: base, annotations, taught or an archive", {"annotations": "missing"}
        )
    if wanted.taught and not wanted.stations:
        raise BadRequest("stations: name those whose good examples are wanted", {"stations": "empty"})
    if wanted.since and wanted.until and wanted.since >= wanted.until:
        raise BadRequest("since: lies after until", {"since": "lies after until"})


def _fits(sample: Sample, wanted: dataset.ListSamples) -> bool:
    return (
        (wanted.split is None or sample.split is wanted.split)
        and (wanted.verdict is None or sample.verdict is wanted.verdict)
        and (wanted.class_name is None or wanted.class_name in sample.classes)
    )


def _shown(row: BuildRow) -> Build:
    return Build.model_validate(row.model_dump(exclude={"wanted", "interrupted"}))
