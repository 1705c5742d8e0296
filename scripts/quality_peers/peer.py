"""One peer: a process that fits from the same good parts and judges held-out ones when it is asked."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray
from quality_peers import place

from andon.runtime.embedded import dies_with_parent

NAMES = {"padim": "anomalib PaDiM", "patchcore": "anomalib PatchCore"}
SCRIPT = Path(__file__).parent / "anomalib_peer.py"


@dataclass(eq=False)
class Peer:
    """A fitted model in a process of its own."""

    kind: str
    bank: int
    """Patches that PatchCore kept; 0 of PaDiM."""
    fit_seconds: float
    folder: Path
    asks: IO[str]
    answers: IO[str]
    scores: list[float] = field(default_factory=list[float])
    milliseconds: list[float] = field(default_factory=list[float])
    maps: list[NDArray[np.float32]] = field(default_factory=list[NDArray[np.float32]])
    """[256, 256] each."""

    def judge(self, place_of_part: int) -> None:
        """The next held-out part: its score and map, and what the forward pass took without decoding."""
        print(place_of_part, file=self.asks, flush=True)
        said = json.loads(self.answers.readline())
        self.scores.append(said["score"])
        self.milliseconds.append(said["ms"])
        self.maps.append(np.load(self.folder / f"{self.kind}.npy"))


@contextmanager
def fitted(kind: str, folder: Path, bank: int) -> Iterator[Peer]:
    """Fitted from `folder`/good.npy, asked about `folder`/held-out.npy. Raises JSONDecodeError if it dies."""
    command = [str(place.python()), str(SCRIPT), kind, str(folder), "--bank", str(bank)]
    with (
        (folder / f"{kind}.log").open("w") as log,
        subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "TQDM_DISABLE": "1"},
            preexec_fn=dies_with_parent(),  # noqa: PLW1509 - no thread of ours holds a lock that it needs
        ) as process,
    ):
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            said = json.loads(process.stdout.readline())
            yield Peer(kind, said["bank"], said["fit_s"], folder, process.stdin, process.stdout)
        finally:
            process.kill()
