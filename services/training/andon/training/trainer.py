"""`andon train`: does one lesson in a folder and says how far it is; what an agent runs."""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

app = typer.Typer(help="Do one training run in a folder.")


@app.callback(invoke_without_command=True)
def train(
    folder: Annotated[
        Path, typer.Argument(help="With order.json and images/.", exists=True, file_okay=False)
    ],
) -> None:
    """Learn what FOLDER/order.json says, and leave the model, its evidence and result.json there."""
    # Two OpenBLAS threads spin on matrices as small as ours for 15 times the CPU time. It is not loaded yet.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from andon import report  # noqa: PLC0415 - comes with the agent
    from andon.contracts import Refused  # noqa: PLC0415 - `andon --help` needs none of it
    from andon.training.domain.lessons import Lesson, digest_of  # noqa: PLC0415 - as above
    from andon.training.fitting.checkpoints import Checkpoints  # noqa: PLC0415 - as above
    from andon.training.fitting.lesson import run  # noqa: PLC0415 - as above

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    lesson = Lesson.model_validate_json((folder / "order.json").read_bytes())

    def say(
        stage: str, fraction: float, message: str, metrics: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        report.progress(float(fraction), message=f"{stage}: {message}" if message else stage, **metrics)

    kept_before = Checkpoints.of(digest_of(lesson))
    report.checkpoint({"order": digest_of(lesson)})
    try:
        result = run(lesson, folder, None, say, kept_before)
    except Refused as refused:
        typer.echo(f"the run failed: {refused}", err=True)
        raise typer.Exit(1) from refused
    kept_before.done()
    report.progress(1.0, message="done", **result.metrics)
