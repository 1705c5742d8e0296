"""Says what was written, each event once in effect, also after a crash or while the bus is away."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.contracts import Unavailable
from andon.contracts.sync import EXPERIMENT_CHANGED, FILE_CHANGED
from andon.messaging import Service
from andon.sync.store.documents import Kept
from andon.sync.store.experiments import Experiments, KeptExperiment
from andon.sync.store.files import Files
from andon.telemetry import log

_LOOK_SECONDS = 2.0
_LEFT_BEHIND = timedelta(seconds=5)
_PAGE, _AT_ONCE = 1000, 32
_LINE = 2000
"""Files in line; more wait in the database."""
_TRIM_SECONDS = 0.25
_log = log("andon.sync")


@dataclass
class Relay:
    """The outboxes, on their way to the bus, which keeps an event that comes twice once."""

    bus: Service
    files: Files
    experiments: Experiments
    clock: Callable[[], datetime]
    _line: deque[Kept] = field(default_factory=deque[Kept])
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self, kept: Kept) -> None:
        """Say what a change of a file wrote."""
        if kept.outbox and len(self._line) < _LINE:
            self._line.append(kept)
            self._news.set()

    async def run(self) -> None:
        """For as long as the service runs."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._line:
                batch = [self._line.popleft() for _ in range(min(_AT_ONCE, len(self._line)))]
                try:
                    await self._say(batch)
                except Unavailable as away:
                    _log.warning("events wait in their files", reason=str(away))
                    self._line.clear()
            await asyncio.sleep(_TRIM_SECONDS)

    async def look(self) -> None:
        """For as long as the service runs: say what a process that died, or a bus that was away, left."""
        while True:
            try:
                left = await self.files.unsaid(self.clock() - _LEFT_BEHIND, _PAGE)
                for at in range(0, len(left), _AT_ONCE):
                    await self._say(left[at : at + _AT_ONCE])
                for kept in await self.experiments.unsaid(_PAGE):
                    await self.tell_experiment(kept)
            except Unavailable:
                left = []
            await asyncio.sleep(_LOOK_SECONDS if len(left) < _PAGE else 0)

    async def tell_experiment(self, kept: KeptExperiment) -> None:
        """Say an experiment's last change. Raises Unavailable."""
        if kept.waiting:
            await self.bus.say(EXPERIMENT_CHANGED, kept.experiment, once=f"{kept.id}:{kept.version}")
            await self.experiments.said(kept)

    async def _say(self, batch: list[Kept]) -> None:
        last: dict[str, int] = {}
        for kept in batch:
            last[kept.id] = max(last.get(kept.id, 0), kept.file.version)
        lines: dict[str, dict[int, Kept]] = {}
        for kept in batch:
            lines.setdefault(kept.id, {})[kept.file.version] = kept
        await asyncio.gather(*(self._say_file(key, line) for key, line in lines.items()))
        await self.files.told(list(last.items()))
        for key, version in last.items():
            self.files.outbox_said(key, version)

    async def _say_file(self, key: str, line: dict[int, Kept]) -> None:
        told = {each.version: each.event for kept in line.values() for each in kept.outbox}
        for version, event in sorted(told.items()):
            await self.bus.say(FILE_CHANGED, event, once=f"{key}:{version}")
