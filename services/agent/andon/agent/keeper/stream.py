"""One stream of output on the disk, bounded: when there is too much, the middle is left out."""

import os
from contextlib import suppress
from pathlib import Path

from andon.agent.domain.segments import Bounds, name_of, surplus


class Stream:
    def __init__(self, folder: Path, bounds: Bounds) -> None:
        self.size = 0
        """Bytes that came, kept or not."""
        self._folder = folder
        self._bounds = bounds
        self._offsets: list[int] = []
        self._fd: int | None = None
        self._room = 0

    def write(self, piece: bytes) -> None:
        """Never fails: what a full disk doesn't take is left out."""
        view = memoryview(piece)
        while view:
            if self._fd is None or self._room == 0:
                self._begin()
            part = view[: self._room]
            self._write(part)
            self.size += len(part)
            self._room -= len(part)
            view = view[len(part) :]

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _begin(self) -> None:
        self.close()
        self._room = self._bounds.segment
        for offset in surplus([*self._offsets, self.size], self._bounds):
            with suppress(OSError):
                (self._folder / name_of(offset)).unlink()
            if offset in self._offsets:
                self._offsets.remove(offset)
        self._offsets.append(self.size)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(
                self._folder / name_of(self.size), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
            )
        except OSError:
            self._fd = None

    def _write(self, part: memoryview) -> None:
        if self._fd is None:
            return
        try:
            done = 0
            while done < len(part):
                done += os.write(self._fd, part[done:])
        except OSError:
            # A segment says where it begins and how long it is: after a gap another one must begin.
            self.close()
            self._room = len(part)
