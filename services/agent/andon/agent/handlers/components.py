"""Writes the exact components that a job names into its folder, and hashes what lies there then."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from andon.agent.adapters.errands import Errands
from andon.agent.domain.starting import CannotPrepare
from andon.agent.handlers.fetching import within
from andon.agent.store.attempts import AttemptFolder
from andon.contracts.queue import Components, Conflicts, Failure

_AGAIN = (1.0, 2.0, 5.0, 15.0)
_TOLD = 20
_MACHINE = frozenset({"unavailable", "rate_limited", "unauthorised", "forbidden"})
"""What is no fault of the job."""


@dataclass(frozen=True)
class Brought:
    """sha256 by path."""

    asked: Mapping[str, str] = field(default_factory=dict[str, str])
    """With what the manifest said."""
    versions: dict[str, str] = field(default_factory=dict[str, str])
    """As they lie in the folder now."""
    differences: tuple[str, ...] = ()


@dataclass
class Restoring:
    errands: Errands | None
    """None: this machine was given no gateway."""
    patience: float
    """Seconds over which a store that is away is waited for."""

    async def restore(self, folder: AttemptFolder, wanted: Components) -> Brought:
        """Raises CannotPrepare."""
        place = within(folder.work, wanted.folder or ".").absolute()
        await asyncio.to_thread(place.mkdir, parents=True, exist_ok=True)
        report = await self._fetched(folder, place, wanted)
        if wanted.conflicts is Conflicts.INTERACTIVE and report["skipped"]:
            raise CannotPrepare("components_differ", _told(report["skipped"]))
        if report["failed"]:
            raise CannotPrepare("component_missing", _told_failed(report["failed"]))
        asked: dict[str, str] = report["wanted"]
        versions = await asyncio.to_thread(_measured, place, report["files"])
        kept = {each["path"] for each in report["skipped"]}
        return Brought(asked, versions, _differences(asked, versions, kept))

    async def _fetched(self, folder: AttemptFolder, place: Path, wanted: Components) -> dict[str, Any]:
        """What `andon components fetch` reports; a store that is away is waited for."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        for tries in range(1_000_000):
            report = await self._fetch_once(folder, place, wanted)
            problem = report.get("problem")
            if problem is None:
                return report
            if problem["code"] not in _MACHINE:
                raise CannotPrepare("component_missing", problem["message"])
            if problem["code"] in {"unauthorised", "forbidden"} or loop.time() >= end:
                raise CannotPrepare("fetching", f"components: {problem['message']}", Failure.INFRASTRUCTURE)
            await asyncio.sleep(_AGAIN[min(tries, 3)])
        raise AssertionError  # a million tries take longer than any patience

    async def _fetch_once(self, folder: AttemptFolder, place: Path, wanted: Components) -> dict[str, Any]:
        if self.errands is None:
            message = "the machine's agent has no ANDON_AGENT__SERVER to fetch components from"
            raise CannotPrepare("no_server", message, Failure.INFRASTRUCTURE)
        report = folder.path.absolute() / "components.json"
        exact = [
            word for path, digest in wanted.versions.items() for word in ("--component", f"{path}={digest}")
        ]
        report.unlink(missing_ok=True)
        errand = await self.errands.begin(
            folder.path,
            "components",
            *("components", "fetch", str(place), "--strategy", wanted.conflicts.value),
            *("--report", str(report)),
            *(("--manifest", wanted.manifest) if wanted.manifest else ()),
            *exact,
        )
        await errand.wait()
        try:
            return json.loads(await asyncio.to_thread(report.read_bytes))
        except (FileNotFoundError, ValueError):
            why = errand.last_words()[-500:] or "it was ended"
            return {"problem": {"code": "unavailable", "message": f"they can't be fetched: {why}"}}


def _differences(asked: Mapping[str, str], found: Mapping[str, str], kept: set[str]) -> tuple[str, ...]:
    """What is not as was asked. Raises CannotPrepare where nobody said that it may stay so."""
    told: list[str] = []
    for path, digest in asked.items():
        if found.get(path) == digest:
            continue
        is_here = f"here is {found[path]}" if path in found else "there is none here"
        if path not in kept:
            message = f"{path} has not the sha256 {digest}: {is_here}"
            raise CannotPrepare("hash_mismatch", message, Failure.INFRASTRUCTURE)
        told.append(f"{path}: {digest} was asked for, {is_here}")
    return tuple(told)


def _measured(place: Path, files: Mapping[str, str]) -> dict[str, str]:
    """sha256 by path, of those that are there."""
    found: dict[str, str] = {}
    for path, name in files.items():
        file = place / name
        if file.is_file() and file.resolve().is_relative_to(place.resolve()):
            found[path] = sha256(file.read_bytes()).hexdigest()
    return found


def _told(skipped: list[dict[str, str]]) -> str:
    names = ", ".join(each["path"] for each in skipped[:_TOLD])
    more = f" and {len(skipped) - _TOLD} more" if len(skipped) > _TOLD else ""
    return f"the job's folder has other versions of {names}{more}, and nobody is here to decide"


def _told_failed(failed: dict[str, str]) -> str:
    return "; ".join(f"{path}: {why}" for path, why in list(failed.items())[:_TOLD])
