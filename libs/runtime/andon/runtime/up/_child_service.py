"""One service as a child of the stack: started, watched, started again after a crash, stopped."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from andon.runtime.state import ServiceState
from andon.runtime.up._nursery import Child, Nursery

_FIRST_DELAY, _LONGEST_DELAY = 0.5, 30.0
"""Seconds before a crashed service is started again."""
_SETTLED = 60.0
"""Seconds of life after which a crash counts as the first."""


class ChildService:
    """Runs a service until it is told to stop."""

    def __init__(  # noqa: PLR0913 - each is named where it is given
        self,
        name: str,
        nursery: Nursery,
        environment: Mapping[str, str],
        announcement: Path,
        *,
        say: Callable[[str], None],
        changed: Callable[[], None],
    ) -> None:
        """`say` gets each line of its output; `changed` is called after each change of `state`."""
        self.name = name
        self.state = ServiceState()
        self.ready = asyncio.Event()
        self._nursery = nursery
        self._environment = {**environment, "ANDON_HEALTH__ANNOUNCE": str(announcement)}
        self._announcement = announcement
        self._say = say
        self._changed = changed
        self._process: Child | None = None
        self._stopping = asyncio.Event()

    async def keep_running(self) -> None:
        """Start it, and again after each crash, until `stop`."""
        delay = _FIRST_DELAY
        while not self._stopping.is_set():
            began = time.monotonic()
            status = await self._run_once()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > _SETTLED:
                delay = _FIRST_DELAY
            self.state.restarts += 1
            self._say(f"ended with {_in_words(status)}; starting again in {delay:g} s")
            self._changed()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)
            delay = min(delay * 2, _LONGEST_DELAY)

    def ask_to_stop(self) -> None:
        """SIGTERM: it finishes what it has in hand."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL."""
        self._stopping.set()
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    async def _run_once(self) -> int:
        self._announcement.unlink(missing_ok=True)
        process = await self._nursery.born(self.name, self._environment)
        self._process = process
        self.state.pid = process.pid
        self._changed()
        watching = asyncio.create_task(self._watch_announcement(process.pid))
        try:
            await self._pass_on(process)
            return await process.wait()
        finally:
            watching.cancel()
            self._process = None
            self.ready.clear()
            self.state = ServiceState(restarts=self.state.restarts)
            self._changed()

    async def _pass_on(self, process: Child) -> None:
        while True:
            try:
                line = await process.output.readline()
            except ValueError:  # longer than the limit: what was read of it is dropped
                continue
            if not line:
                return
            self._say(line.decode(errors="replace").rstrip())

    async def _watch_announcement(self, pid: int) -> None:
        while True:
            told = self._announced()
            if told.get("pid") == pid:
                break
            await asyncio.sleep(0.05)
        self.state.health_port, self.state.http_port = told["health_port"], told["http_port"]
        self.state.ready = True
        self.ready.set()
        self._changed()

    def _announced(self) -> dict[str, Any]:
        try:
            return json.loads(self._announcement.read_text())
        except (FileNotFoundError, ValueError):
            return {}


def _in_words(status: int) -> str:
    return f"status {status}" if status >= 0 else signal.Signals(-status).name


def environment_of_child(name: str, data: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """What a service of the stack finds in its environment.

    `settings` name only what the operator's environment does not, or what an option said louder.
    """
    defaults = {
        "ANDON_TELEMETRY__FORMAT": "text",
        "ANDON_GRACE": "5",
        "PYTHONUNBUFFERED": "1",
    }
    folder = data / "services" / name
    folder.mkdir(parents=True, exist_ok=True)
    return {**defaults, **os.environ, **settings, "ANDON_DATA": str(folder), "ANDON_HEALTH__PORT": "0"}
