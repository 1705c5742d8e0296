"""Folders of this machine that may be looked into, and the files in them."""

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from andon.contracts import BadRequest, Forbidden, Invalid, TooLarge
from andon.serving import MAX_BYTES


@dataclass(frozen=True)
class Roots:
    """Folders that the operator opened; nothing outside of them is read, whatever a link says."""

    folders: tuple[Path, ...]
    setting: str
    """The environment variable that names them."""

    def folder(self, given: str, field: str) -> Path:
        """A folder's real path. Raises BadRequest, Forbidden (outside) and Invalid (no folder)."""
        path = Path(given)
        if not path.is_absolute() or ".." in path.parts or "\x00" in given:
            raise BadRequest(f"{field}: give an absolute path without '..'", {field: "not absolute"})
        if not self.folders:
            why = f"no folder of the server may be read; {self.setting} names those that may"
            raise Forbidden(f"{field}: {why}", {field: why})
        try:
            real = path.resolve()
        except (OSError, RuntimeError):  # links in a circle
            real = Path("/")
        if not self.hold(real):
            why = f"it is not inside a folder that {self.setting} names"
            raise Forbidden(f"{field}: {why}", {field: why})
        if not real.is_dir():
            raise Invalid(f"{field}: there is no folder {given}", {field: "no folder"})
        return real

    def hold(self, real: Path) -> bool:
        """Whether a real path lies inside."""
        return any(real.is_relative_to(root.resolve()) for root in self.folders)


def files_of(
    folder: Path, wanted: re.Pattern[str], roots: Roots, *, recursive: bool = False, most: int
) -> list[str]:
    """Names of matching files relative to the folder, in order. Raises Invalid above `most`, or unreadable.

    Hidden files are left out, and so are links to what is outside of the roots.
    """
    found: list[str] = []
    for path in _walk(folder, "", recursive=recursive):
        name = path.rpartition("/")[2]
        if not wanted.match(name):
            continue
        if (folder / path).is_symlink() and not _leads_inside(folder / path, roots):
            continue
        found.append(path)
        if len(found) > most:
            raise Invalid(f"input_dir: there are more than {most} files; split them into several jobs")
    return sorted(found)


def read_file(path: Path, roots: Roots | None = None) -> bytes:
    """A regular file's bytes. Raises Invalid (empty, unreadable, outside of the roots) and TooLarge."""
    try:
        real = path.resolve(strict=True)
        if roots is not None and not roots.hold(real):
            raise Invalid("the file leads out of its folder")
        # Neither another link put in its place meanwhile nor a pipe nobody writes to holds this up.
        opened = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(opened, "rb") as file:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise Invalid("it is no regular file")
            data = file.read(MAX_BYTES + 1)
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or "its links go in a circle"
        raise Invalid(f"the file can't be read: {reason}") from error
    if not data:
        raise Invalid("the file is empty")
    if len(data) > MAX_BYTES:
        raise TooLarge(f"the file is larger than {MAX_BYTES / 2**20:g} MB")
    return data


def _walk(folder: Path, below: str, *, recursive: bool) -> Iterator[str]:
    try:
        with os.scandir(folder / below) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_file():
                    yield f"{below}{entry.name}"
                elif recursive and entry.is_dir(follow_symlinks=False):
                    yield from _walk(folder, f"{below}{entry.name}/", recursive=True)
    except OSError as error:
        raise Invalid(f"input_dir: {folder / below} can't be read: {error.strerror}") from error


def _leads_inside(path: Path, roots: Roots) -> bool:
    try:
        return roots.hold(path.resolve(strict=True))
    except (OSError, RuntimeError):
        return False
