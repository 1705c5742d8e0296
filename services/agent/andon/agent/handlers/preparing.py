"""Brings together what a job needs: its folder, inputs, code and components, and the record of them."""

import asyncio
import errno
import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from andon.agent.adapters.cgroups import Cgroups
from andon.agent.adapters.survey import Survey
from andon.agent.domain.likeness import differing, pinned
from andon.agent.domain.starting import CannotPrepare, Folders, Manner, start_of
from andon.agent.handlers.components import Brought, Restoring
from andon.agent.handlers.fetching import SNAPSHOT, Fetching, within
from andon.agent.store.attempts import AttemptFolder, remove_tree
from andon.contracts.queue import Environment, Expectation, Failure, Given, Grant, Input, JobRecord

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_INPUTS = 256
_MESSAGE = 4000


@dataclass
class Preparing:
    fetching: Fetching
    restoring: Restoring
    survey: Survey
    manner: Manner
    cgroups: Cgroups
    device: str

    async def prepare(self, folder: AttemptFolder, grant: Grant) -> tuple[dict[str, Any], JobRecord]:
        """What the keeper is to be told, and what the attempt is made of. Raises CannotPrepare."""
        try:
            return await self._prepare(folder, grant)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CannotPrepare("disk_full", "the disk is full", Failure.INFRASTRUCTURE) from error
            if error.errno in (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG):
                raise CannotPrepare("paths_clash", f"two things want one path: {error}") from error
            raise CannotPrepare("disk", f"the disk fails: {error}", Failure.INFRASTRUCTURE) from error

    async def _prepare(self, folder: AttemptFolder, grant: Grant) -> tuple[dict[str, Any], JobRecord]:
        spec = grant.job.spec
        await asyncio.to_thread(_fresh, folder)
        given = [await self.fetching.bring(folder, each) for each in _inputs(grant)]
        for name, text in spec.files.items():
            await asyncio.to_thread(_write, within(folder.work, name), text)
        brought = await self.restoring.restore(folder, spec.components) if spec.components else Brought()
        folders = Folders(folder.work.resolve(), folder.scratch.resolve())
        start = start_of(grant, folders, self.manner, os.environ, sys.executable)
        here = await self.survey.look(start, folders.work)
        record = self._record(grant, given, brought, here)
        cores = grant.job.requirements.cpu if self.manner.limit_cpu else 0
        groups = await asyncio.to_thread(self.cgroups.make, _group(folder), cores, start["memory_bytes"])
        return {**start, "cgroups": groups}, record

    def finish(self, folder: AttemptFolder) -> bool:
        """Give back what the machine lent, once nothing of the job runs. Whether its memory was used up."""
        starved = self.cgroups.was_starved(_group(folder))
        self.cgroups.remove(_group(folder))
        return starved

    def _record(self, grant: Grant, given: Sequence[Given], brought: Brought, here: Environment) -> JobRecord:
        spec = grant.job.spec
        return JobRecord(
            attempt=grant.lease.attempt,
            device=self.device,
            spec=pinned(spec, given, brought.asked),
            parameters=grant.job.parameters,
            inputs=tuple(given),
            manifest=spec.components.manifest if spec.components else None,
            components=brought.versions,
            environment=here,
            checkpoint=grant.lease.checkpoint,
            differences=(*brought.differences, *_unexpected(spec.expects, here)),
        )


def _unexpected(expects: Expectation | None, here: Environment) -> tuple[str, ...]:
    """What is not as the job expects. Raises CannotPrepare where it may not be."""
    found = () if expects is None else differing(expects.environment, here)
    if found and expects is not None and expects.strict:
        raise CannotPrepare("not_the_same", f"it would not be the same: {'; '.join(found)}"[:_MESSAGE])
    return found


def _inputs(grant: Grant) -> tuple[Input, ...]:
    """The code, then all else."""
    spec = grant.job.spec
    if not spec.snapshot_id:
        return spec.inputs
    if len(spec.inputs) > _MOST_INPUTS:
        raise CannotPrepare("too_many_inputs", f"more than {_MOST_INPUTS} inputs beside a snapshot")
    return (_snapshot(spec.snapshot_id), *spec.inputs)


def _group(folder: AttemptFolder) -> str:
    return f"andon-{folder.path.name}"


def _fresh(folder: AttemptFolder) -> None:
    """What an agent that died here had begun is thrown away."""
    for each in (folder.work, folder.scratch):
        remove_tree(each)
        each.mkdir(mode=0o700)


def _snapshot(name: str) -> Input:
    """Code by its id: an id that is a digest is checked against it."""
    if _SHA256.fullmatch(name):
        return Input(name=name, source=f"snapshots/{name}", sha256=name, kind=SNAPSHOT)
    return Input.model_construct(name=name, source="", sha256=None, mount_path=None, kind=SNAPSHOT)


def _write(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text)
