"""What a run has done so far, on this machine's disk, so that a killed one goes on where it was."""

import os
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

_PLACE = Path("/var/tmp")  # noqa: S108 - a folder of our own in it that nobody else can enter
_PRIVATE = 0o700
_OLD_SECONDS = 3 * 86400


class Checkpoints:
    """Stages by name; without a folder nothing is kept and all is made."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self.found = 0
        """Stages that an attempt before had done."""

    @classmethod
    def of(cls, digest: str) -> "Checkpoints":
        """Those of one order, whichever attempt asks; none where others could have written there."""
        place = _PLACE / f"andon-training-{os.getuid()}"
        try:
            place.mkdir(mode=_PRIVATE, exist_ok=True)
            known = place.lstat()
            if known.st_uid != os.getuid() or known.st_mode & 0o077 or place.is_symlink():
                return cls()
            folder = place / f"{digest}-{version('andon-training')}"
            _cleared(place, time.time() - _OLD_SECONDS)
            folder.mkdir(exist_ok=True)
        except OSError:  # a disk that is full or read-only costs the checkpoints, not the run
            return cls()
        return cls(folder)

    def place(self, scratch: Path) -> Path:
        """Where a stage keeps what it does bit by bit: for the next attempt, or in `scratch` for this one."""
        if self._folder is None:
            return scratch
        self._folder.mkdir(exist_ok=True)
        return self._folder

    def array(self, name: str, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The stage's outcome, made if it is not there."""
        path = self._path(f"{name}.npy")
        if path and path.exists():
            self.found += 1
            return np.load(path, allow_pickle=False)
        made = make()
        if path:
            _written(path, lambda half: _save(half, made))
        return made

    def model(self, name: str, make: Callable[[], onnx.ModelProto]) -> onnx.ModelProto:
        """The stage's outcome, made if it is not there."""
        path = self._path(f"{name}.onnx")
        if path and path.exists():
            self.found += 1
            return onnx.load_from_string(path.read_bytes())
        made = make()
        if path:
            _written(path, lambda half: half.write_bytes(made.SerializeToString()))
        return made

    def done(self) -> None:
        """Nothing is needed any more."""
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, name: str) -> Path | None:
        return self._folder / name if self._folder else None


def _cleared(place: Path, before: float) -> None:
    """Runs that failed for good left theirs."""
    for old in place.iterdir():
        if old.stat().st_mtime < before:
            shutil.rmtree(old, ignore_errors=True)


def _save(half: Path, made: NDArray[Any]) -> None:
    with half.open("wb") as out:
        np.save(out, made)


def _written(path: Path, write: Callable[[Path], object]) -> None:
    """Whole or not at all; a full disk costs the checkpoint, not the run."""
    half = path.with_suffix(".half")
    try:
        write(half)
        half.rename(path)
    except OSError:
        half.unlink(missing_ok=True)
