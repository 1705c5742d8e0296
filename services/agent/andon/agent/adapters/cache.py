"""Inputs that were fetched once: files named by their sha256, within a bound."""

import os
import secrets
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from andon.agent.domain.ending import oldest_first

_PIECE = 1 << 20


class Cache:
    def __init__(self, folder: Path, most: int) -> None:
        self._folder = folder
        self._most = most

    def prepare(self) -> None:
        """What was being fetched when the agent died is begun anew."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for half in self._folder.glob(".fetch-*"):
            half.unlink(missing_ok=True)

    def scratch(self) -> Path:
        """A new file's name, to fetch into."""
        return self._folder / f".fetch-{secrets.token_hex(8)}"

    def add(self, scratch: Path, digest: str) -> None:
        scratch.chmod(0o400)
        scratch.replace(self._folder / digest)

    def take(self, digest: str, place: Path) -> bool:
        """Copy it out, checked on the way. False when it is not here, or no longer what it was."""
        kept = self._folder / digest
        try:
            found = copied(kept, place)
        except FileNotFoundError:
            return False
        if found != digest:
            kept.unlink(missing_ok=True)
            place.unlink(missing_ok=True)
            return False
        with suppress(OSError):
            os.utime(kept)  # used last
        return True

    def shrink(self, most: int | None = None) -> None:
        """To its bound, or to `most` bytes: what was used least recently goes."""
        sizes: list[tuple[float, int, str]] = []
        for file in self._folder.iterdir():
            with suppress(FileNotFoundError):
                status = file.stat()
                if not file.name.startswith("."):
                    sizes.append((status.st_mtime, status.st_size, file.name))
        for name in oldest_first(sizes, self._most if most is None else most):
            (self._folder / name).unlink(missing_ok=True)


def copied(source: Path, place: Path) -> str:
    """The sha256 of what was copied. Raises OSError, FileNotFoundError without a source."""
    digest = sha256()
    with source.open("rb") as opened:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("wb") as out:
            while piece := opened.read(_PIECE):
                digest.update(piece)
                out.write(piece)
    return digest.hexdigest()
