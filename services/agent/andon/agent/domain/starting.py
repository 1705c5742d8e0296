"""What a keeper is told: program, folder, variables and limits of one attempt."""

import math
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from andon.agent.domain.segments import Bounds
from andon.contracts.queue import Failure, Grant

_GIGA = 1e9
_PASSED_ON = ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SYSTEMROOT")
_PATH = "/usr/local/bin:/usr/bin:/bin"


class CannotPrepare(Exception):
    """Why an attempt does not come to start."""

    def __init__(self, reason: str, message: str, failure: Failure = Failure.FINAL) -> None:
        super().__init__(message)
        self.reason = reason
        self.failure = failure


@dataclass(frozen=True)
class Folders:
    """Where an attempt lives."""

    work: Path
    """The job's own folder."""
    scratch: Path


@dataclass(frozen=True)
class Manner:
    """How this machine runs its jobs."""

    bounds: Bounds = field(default_factory=Bounds)
    nice: int = 5
    limit_memory: bool = True
    limit_cpu: bool = True


def start_of(
    grant: Grant, folders: Folders, manner: Manner, own: Mapping[str, str], python: str
) -> dict[str, Any]:
    """What `start.json` holds. Raises CannotPrepare for a job without a command or with a folder outside."""
    spec, asked = grant.job.spec, grant.job.requirements
    if not spec.command:
        raise CannotPrepare("no_command", "the job has no command")
    gigabytes = asked.memory_gb if manner.limit_memory else 0
    return {
        "argv": list(spec.command),
        "cwd": str(_inside(folders.work, spec.working_directory)),
        "env": environment(grant, folders, own, python),
        "kill_after_seconds": spec.kill_after_seconds,
        "timeout_seconds": grant.job.timeout_seconds,
        "memory_bytes": int(gigabytes * _GIGA) or None,
        "file_bytes": int(asked.disk_gb * _GIGA) or None,
        "nice": manner.nice,
        "bounds": asdict(manner.bounds),
    }


def environment(grant: Grant, folders: Folders, own: Mapping[str, str], python: str) -> dict[str, str]:
    """The agent's own few variables, then the job's: nothing else of the agent's, least its secrets."""
    job, lease = grant.job, grant.lease
    cores = max(math.ceil(job.requirements.cpu), 1)
    path = own.get("PATH") or _PATH
    bin_folder = os.path.dirname(python)  # noqa: PTH120 - no file is looked at
    given = {name: own[name] for name in _PASSED_ON if name in own}
    if job.requirements.cpu:
        given |= {
            "OMP_NUM_THREADS": str(cores),
            "MKL_NUM_THREADS": str(cores),
            "OPENBLAS_NUM_THREADS": str(cores),
        }
    return {
        **given,
        "PATH": path if bin_folder in path.split(os.pathsep) else os.pathsep.join((bin_folder, path)),
        "HOME": str(folders.work),
        "TMPDIR": str(folders.scratch),
        "PYTHONUNBUFFERED": "1",
        "CUDA_VISIBLE_DEVICES": ",".join(map(str, lease.gpus)),
        **job.spec.env,
        "ANDON_JOB_ID": job.id,
        "ANDON_ATTEMPT": str(lease.attempt),
    }


def _inside(work: Path, relative: str | None) -> Path:
    if relative is None:
        return work
    folder = (work / relative).resolve()
    if not folder.is_relative_to(work.resolve()) or not folder.is_dir():
        raise CannotPrepare("no_working_directory", f"there is no folder {relative!r} in the job's folder")
    return folder
