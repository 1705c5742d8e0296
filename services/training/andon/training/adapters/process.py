"""Runs a fit in a process of its own, so that this one stays small and answers meanwhile."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from andon.contracts import Problem, raised
from andon.training.domain.lessons import Lesson
from andon.training.domain.order import FitOrder, FitResult, FitStep

_ERROR_TAIL = 400


class FittingDied(Exception):
    """The fitting process ended without a result: killed, out of memory or time, or broken."""


@dataclass(frozen=True)
class FittingProcess:
    """Starts `python -m andon.training.fitting` and listens to it."""

    longest: float
    """Seconds until a fit is given up."""

    async def fit(
        self, order: FitOrder, folder: Path, told: Callable[[FitStep], Awaitable[None]]
    ) -> FitResult:
        """Fit the images in `folder`/images; the model files lie there afterwards. Raises like `run`."""
        return FitResult.model_validate_json(await self.run(order, folder, told))

    async def run(
        self, order: FitOrder | Lesson, folder: Path, told: Callable[[FitStep], Awaitable[None]]
    ) -> bytes:
        """Do what is ordered with the images in `folder`/images; the result as JSON.

        Raises what the process refused, naming the image where one is to blame, and FittingDied.
        """
        (folder / "order.json").write_text(order.model_dump_json())
        with (folder / "errors").open("wb") as errors:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "andon.training.fitting", str(folder),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        try:
            async with asyncio.timeout(self.longest):
                problem = await _listen(process, told)
                status = await process.wait()
        except TimeoutError as error:
            raise FittingDied(f"the fit took longer than {self.longest:.0f} s") from error
        finally:
            await _end(process)
        if problem is not None:
            raise raised(problem)
        if status != 0:
            raise FittingDied(_why(status, folder / "errors"))
        return (folder / "result.json").read_bytes()


async def _listen(
    process: asyncio.subprocess.Process, told: Callable[[FitStep], Awaitable[None]]
) -> Problem | None:
    """Hand on the steps; returns the problem if the process says one."""
    assert process.stdout is not None  # noqa: S101 - asked for above
    async for line in process.stdout:
        if b'"code"' in line:
            return Problem.model_validate_json(line)
        await told(FitStep.model_validate_json(line))
    return None


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
        await process.wait()


def _why(status: int, errors: Path) -> str:
    if status < 0:
        return f"the fitting process was killed by {Signals(-status).name}; is there enough memory?"
    lines = errors.read_text(errors="replace").strip().splitlines()
    return f"the fitting process failed: {lines[-1][-_ERROR_TAIL:] if lines else f'exit status {status}'}"
