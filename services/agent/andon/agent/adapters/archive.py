"""Unpacks archives of strangers: nothing lands outside, no link leads out, no bomb goes off."""

import os
import shutil
import stat
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from andon.agent.domain.starting import CannotPrepare

_PIECE = 1 << 20
_EXECUTABLE = 0o100


@dataclass(frozen=True)
class Limits:
    size: int
    """Bytes, unpacked."""
    entries: int = 200_000


def unpack(archive: Path, target: Path, limits: Limits) -> None:
    """A tar (plain, gz, bz2, xz) or a zip. Raises CannotPrepare; OSError when the disk won't have it."""
    target.mkdir(parents=True, exist_ok=True)
    room = _Room(target, limits)
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, room)
        elif tarfile.is_tarfile(archive):
            _untar(archive, room)
        else:
            raise CannotPrepare("bad_archive", "the snapshot is neither a tar nor a zip archive")
    except (
        tarfile.TarError,
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise CannotPrepare("bad_archive", f"the snapshot can't be unpacked: {error}") from error
    room.link()


class _Room:
    """What has been unpacked so far. Links come last, so that nothing is written through one."""

    def __init__(self, target: Path, limits: Limits) -> None:
        self._target = target.resolve()
        self._limits = limits
        self._left = limits.size
        self._entries = 0
        self._links: list[tuple[Path, str]] = []

    def place(self, name: str) -> Path:
        self._entries += 1
        if self._entries > self._limits.entries:
            raise CannotPrepare("archive_too_large", f"more than {self._limits.entries} entries")
        path = PurePosixPath(name.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\x00" in name or ":" in name.split("/", 1)[0]:
            raise CannotPrepare("unsafe_archive", f"an entry leads outside: {name[:200]!r}")
        return self._target / path

    def folder(self, name: str) -> None:
        self.place(name).mkdir(parents=True, exist_ok=True)

    def file(self, name: str, mode: int, opened: Callable[[], IO[bytes]]) -> None:
        place = self.place(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        rights = 0o755 if mode & _EXECUTABLE else 0o644
        with opened() as source, os.fdopen(os.open(place, flags, rights), "wb") as out:
            while piece := source.read(_PIECE):
                self._left -= len(piece)
                if self._left < 0:
                    raise CannotPrepare("archive_too_large", f"more than {self._limits.size} bytes unpacked")
                out.write(piece)

    def later(self, name: str, goal: str) -> None:
        self._links.append((self.place(name), goal))

    def link(self) -> None:
        for place, goal in self._links:
            place.parent.mkdir(parents=True, exist_ok=True)
            reached = (place.parent.resolve() / goal).resolve()
            if os.path.isabs(goal) or not reached.is_relative_to(self._target):  # noqa: PTH117 - a link's text
                raise CannotPrepare("unsafe_archive", f"a link leads outside: {str(place.name)[:200]!r}")
            if not place.parent.resolve().is_relative_to(self._target):
                raise CannotPrepare("unsafe_archive", "a link lies behind a link that leads outside")
            place.unlink(missing_ok=True)
            place.symlink_to(goal)
        for place, _ in self._links:  # links behind links
            if not place.resolve().is_relative_to(self._target):
                raise CannotPrepare("unsafe_archive", f"a link leads outside: {str(place.name)[:200]!r}")


def _untar(archive: Path, room: _Room) -> None:
    with tarfile.open(archive, "r:*") as tar:
        for member in tar:
            if member.isdir():
                room.folder(member.name)
            elif member.isreg():
                room.file(member.name, member.mode, _opener(tar, member))
            elif member.issym():
                room.later(member.name, member.linkname)
            else:
                raise CannotPrepare("unsafe_archive", f"an entry is no file: {member.name[:200]!r}")


def _opener(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Callable[[], IO[bytes]]:
    def opened() -> Any:
        return tar.extractfile(member)

    return opened


def _unzip(archive: Path, room: _Room) -> None:
    with zipfile.ZipFile(archive) as packed:
        for entry in packed.infolist():
            mode = entry.external_attr >> 16
            if entry.is_dir():
                room.folder(entry.filename)
            elif stat.S_ISLNK(mode):
                room.later(entry.filename, packed.read(entry).decode() if entry.file_size < 4096 else "/")  # noqa: PLR2004
            else:
                room.file(entry.filename, mode, lambda entry=entry: packed.open(entry))


def copy_into(source: Path, place: Path) -> None:
    """A copy of one's own: a job that writes into its input changes nobody else's."""
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, place)
