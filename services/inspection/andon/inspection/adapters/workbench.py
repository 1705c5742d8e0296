"""Starts the process in which files are tried and measured, and talks to it."""

import asyncio
import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from andon.contracts import Conflict, Message, NotFound, Problem, Unavailable, raised
from andon.telemetry import log

_log = log(__name__)
_LINE = 1 << 22
"""Bytes of an answer: a thousand measurements are far fewer."""


class Measured(Message):
    """What a comparison gave, in milliseconds per inference."""

    ort_ms: tuple[float, ...]
    ov_ms: tuple[float, ...]
    device: str
    threads: int
    inputs: dict[str, tuple[int, ...]]


@dataclass(eq=False)
class Workbench:
    """One order at a time. A process that dies or hangs takes its models along, and nothing else."""

    keep: int
    """Models held at most."""
    seconds: float = 20.0
    """That a measurement may take, beside loading."""
    patience: float = 40.0
    """Seconds until an order is given up and the process ended."""
    _keys: tuple[str, ...] = ()
    _process: asyncio.subprocess.Process | None = None
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the models it holds, the one used last at the end."""
        return self._keys if self._process is not None and self._process.returncode is None else ()

    @property
    def threads(self) -> int:
        """For each runtime: half of the cores, so that judging goes on."""
        return max(1, (os.cpu_count() or 1) // 2)

    async def load(self, key: str, file: Path, device: str) -> str:
        """Load a file under a key; the device that took it. Raises Invalid for what can't run."""
        order = {"do": "load", "key": key, "path": str(file), "device": device, "keep": self.keep}
        async with self._busy:
            answer = await self._ask({**order, "threads": self.threads})
            self._keys = tuple(answer["keys"])
        return str(answer["device"])

    async def measure(self, iterations: int, *, key: str = "", file: Path | None = None) -> Measured:
        """Compare the runtimes on a loaded model, or on a file. Raises Conflict while busy with another."""
        if self._busy.locked():
            raise Conflict("a model is being measured or loaded; try again when that is done")
        order: dict[str, Any] = {
            "do": "measure",
            "key": key,
            "iterations": iterations,
            "seconds": self.seconds,
        }
        if file is not None:
            order |= {"path": str(file), "device": "CPU", "threads": self.threads}
        async with self._busy:
            if file is None and key not in self.keys:
                raise NotFound(f"model_key: '{key}' is not loaded any more", {"model_key": "not loaded"})
            return Measured.model_validate(await self._ask(order))

    async def close(self) -> None:
        """End the process."""
        process, self._process, self._keys = self._process, None, ()
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def _ask(self, order: dict[str, Any]) -> dict[str, Any]:
        try:
            async with asyncio.timeout(self.patience):
                process = await self._running()
                assert process.stdin is not None  # noqa: S101 - asked for at the start
                assert process.stdout is not None  # noqa: S101 - the same
                process.stdin.write(json.dumps(order).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, OSError) as error:
            await self.close()
            raise Unavailable(f"the model was given up after {self.patience:g} s") from error
        except asyncio.CancelledError:
            await self.close()  # half an answer would be taken for the next one
            raise
        if not line:
            await self.close()
            raise Unavailable("the runtime broke down over this model; what was loaded by hand is gone")
        answer: dict[str, Any] = json.loads(line)
        if "problem" in answer:
            raise raised(Problem.model_validate(answer["problem"]))
        return answer

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._keys = ()
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "andon.inspection.workbench",
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=_LINE,
            )  # fmt: skip
            _log.info("workbench started", pid=self._process.pid)
        return self._process
