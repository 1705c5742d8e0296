"""A detector by torch, on the boards of `scripts/bench quality --only detector`. `scripts/bench deeper`."""

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"

from quality_detector import found_again

from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.deeper.finding import made_importable

ROOT = Path(__file__).parents[1]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data" / "pcb")
    parser.add_argument("--steps", type=int, default=0, help="by default as the parts want")
    parser.add_argument("--kept", type=Path, help="features and steps are kept there, and gone on from")
    asked = parser.parse_args()
    made_importable()
    from andon.training.fitting.deeper.learn import learn  # noqa: PLC0415 - needs torch

    def deeper(lesson: Any, folder: Path, say: Any, _kept_before: Any) -> Any:
        parameters = lesson.parameters.model_copy(update={"steps": asked.steps})
        wanted = lesson.model_copy(update={"parameters": parameters})
        learned, trained_with = learn(wanted, folder, say, Checkpoints(asked.kept))
        print(trained_with)
        return learned

    with tempfile.TemporaryDirectory() as scratch:
        row = found_again(asked.data, Path(scratch), deeper)
    print(
        " ".join(
            f"{key}={value:.3f}" if isinstance(value, float) else f"{key}={value}"
            for key, value in row.items()
        )
    )


if __name__ == "__main__":
    main()
