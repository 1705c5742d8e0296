"""Attempts on the disk: one folder each, and what is in it tells how far it is."""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from andon.agent.domain.ending import Ended
from andon.agent.domain.segments import offset_of
from andon.contracts.queue import Grant, JobRecord, Report


@dataclass(frozen=True)
class AttemptFolder:
    """grant.json: leased. start.json: prepared. started: a keeper has it. exit.json: its process ended.
    final.json: what is still to be said. done: said."""

    path: Path

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def scratch(self) -> Path:
        return self.path / "tmp"

    @property
    def prepared(self) -> bool:
        return (self.path / "start.json").exists()

    @property
    def begun(self) -> bool:
        """A keeper has it, or had it, or none may."""
        return (self.path / "started").exists()

    @property
    def done(self) -> bool:
        return (self.path / "done").exists()

    def grant(self) -> Grant:
        """Raises OSError, and ValueError for one that was not written whole."""
        return Grant.model_validate_json((self.path / "grant.json").read_bytes())

    def write_start(self, start: dict[str, Any]) -> None:
        _write_durably(self.path / "start.json", json.dumps(start).encode())

    def write_record(self, record: JobRecord) -> None:
        _write_durably(self.path / "record.json", record.model_dump_json().encode())

    def record(self) -> JobRecord | None:
        """What it is made of, once it is prepared."""
        try:
            return JobRecord.model_validate_json((self.path / "record.json").read_bytes())
        except FileNotFoundError:
            return None

    def write_final(self, report: Report) -> None:
        _write_durably(self.path / "final.json", report.model_dump_json().encode())

    def final(self) -> Report | None:
        try:
            return Report.model_validate_json((self.path / "final.json").read_bytes())
        except FileNotFoundError:
            return None

    def ended(self) -> Ended | None:
        word = _read(self.path / "exit.json")
        return None if word is None else Ended.of(word)

    def pid(self) -> int | None:
        """Of the job's main process, once it runs."""
        running = _read(self.path / "running.json")
        return None if running is None else running["pid"]

    def marks(self) -> dict[str, Any] | None:
        """What the job said of itself; None until it says something."""
        return _read(self.path / "marks.json")

    def segments(self, stream: str) -> list[tuple[int, Path]]:
        """Pieces of its output in order, each with where it begins."""
        folder = self.path / "log" / stream
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names alone
        except FileNotFoundError:
            return []
        return [(offset, folder / name) for name in names if (offset := offset_of(name)) is not None]

    def tail(self, stream: str, length: int) -> bytes:
        """The end of a stream."""
        found = b""
        for _, file in reversed(self.segments(stream)[-2:]):
            try:
                found = file.read_bytes() + found
            except FileNotFoundError:
                break
            if len(found) >= length:
                break
        return found[-length:]

    def forbid(self) -> None:
        """No keeper may begin with it any more."""
        (self.path / "started").touch()

    def empty(self) -> None:
        """Throw away what the job wrote, once all that is to be kept of it is elsewhere."""
        for each in (self.work, self.scratch):
            remove_tree(each)

    def close(self) -> None:
        """Nothing is to be said of it any more; its files may go when there is need."""
        (self.path / "done").touch()

    def remove(self) -> None:
        """Renamed first, so that half a folder is never taken for an attempt."""
        gone = self.path.with_name(f".gone-{self.path.name}")
        try:
            self.path.replace(gone)
        except FileNotFoundError:
            return
        remove_tree(gone)


class Attempts:
    def __init__(self, root: Path) -> None:
        self._root = root / "attempts"

    def prepare(self) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        for gone in self._root.glob(".gone-*"):
            remove_tree(gone)

    def keep(self, grant: Grant) -> AttemptFolder:
        """Write a lease down, so that it is known after a crash. Raises OSError."""
        folder = AttemptFolder(self._root / f"{grant.job.id}.{grant.lease.attempt}")
        folder.path.mkdir(exist_ok=True)
        _write_durably(folder.path / "grant.json", grant.model_dump_json().encode())
        _sync(self._root)
        return folder

    def open(self) -> Iterator[tuple[AttemptFolder, Grant]]:
        """Those that are not done, the oldest first. Half-written ones are dropped: nothing began."""
        for folder in self._all():
            if folder.done:
                continue
            try:
                yield folder, folder.grant()
            except (FileNotFoundError, ValidationError):
                folder.remove()

    def done(self) -> list[tuple[float, AttemptFolder]]:
        """Seconds since each was done; the oldest first. Never below 0, whatever the clock did."""
        now = time.time()
        found: list[tuple[float, AttemptFolder]] = []
        for folder in self._all():
            try:
                at = (folder.path / "done").stat().st_mtime
            except FileNotFoundError:
                continue
            found.append((max(now - at, 0.0), folder))
        return sorted(found, key=lambda each: -each[0])

    def _all(self) -> list[AttemptFolder]:
        paths = [path for path in self._root.iterdir() if path.is_dir() and not path.name.startswith(".")]
        return [AttemptFolder(path) for path in sorted(paths)]


def remove_tree(path: Path) -> None:
    """Also what a job has locked away from itself; what can't be removed stays for the next time."""

    def unlock(function: Any, name: str, _: Any) -> None:
        try:
            Path(name).parent.chmod(0o700)
            Path(name).chmod(0o700)
            function(name)
        except OSError:
            return

    shutil.rmtree(path, onerror=unlock)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _write_durably(path: Path, data: bytes) -> None:
    scratch = path.with_name(f".{path.name}")
    with scratch.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
