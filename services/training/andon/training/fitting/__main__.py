"""`python -m andon.training.fitting FOLDER`: order.json in, steps as lines, result.json or a problem out."""

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from andon.contracts import Message, Refused
from andon.training.domain.lessons import Lesson
from andon.training.domain.order import FitOrder, FitStep, Say

REFUSED = 3
"""Exit status: the last line of output is a Problem."""


def main() -> int:
    """Exit status 0 with `result.json` written, or REFUSED."""
    # Two OpenBLAS threads spin on matrices as small as ours for 15 times the CPU time. It is not loaded yet.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    lines = _own_output()
    folder = Path(sys.argv[1])
    order = (folder / "order.json").read_bytes()

    def say(
        stage: str, fraction: float, message: str, metrics: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        step = FitStep(stage=stage, fraction=fraction, message=message, metrics=dict(metrics))
        lines.write(step.model_dump_json() + "\n")
        lines.flush()

    say("load", 0.0, "")
    try:
        result = _done(order, folder, say)
    except Refused as refused:
        lines.write(refused.problem.model_dump_json() + "\n")
        lines.flush()
        return REFUSED
    (folder / "result.json").write_text(result.model_dump_json())
    return 0


def _done(order: bytes, folder: Path, say: Say) -> Message:
    """A lesson names its kind, a plain fit does not. What each needs takes seconds to load."""
    if "kind" in json.loads(order):
        from andon.training.fitting.lesson import run  # noqa: PLC0415 - as above

        return run(Lesson.model_validate_json(order), folder, folder.parent / "cache", say)
    from andon.training.fitting.job import fit  # noqa: PLC0415 - as above

    return fit(FitOrder.model_validate_json(order), folder, say)


def _own_output() -> TextIO:
    """Standard output for us alone: the libraries print progress bars of their own."""
    lines = os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return lines


if __name__ == "__main__":
    sys.exit(main())
