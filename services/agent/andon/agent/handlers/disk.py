"""Ends the job that fills the disk, before it takes its neighbours and the agent with it."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from andon.agent.handlers.attempt import Attempt
from andon.agent.handlers.tidying import Tidying
from andon.telemetry import log

_log = log("andon.agent")
_EVERY_SECONDS = 1.0
_REST = 20
"""A look that took so long is followed by a rest of so many times that: folders may be large."""
_GIGA = 1e9
_BLOCK = 512


@dataclass
class DiskWatch:
    tidying: Tidying

    async def keep_watch(self, active: Callable[[], Sequence[Attempt]]) -> None:
        """Until cancelled."""
        while True:
            began = time.monotonic()
            await self._look([each for each in active() if each.folder.begun and not each.telling_end])
            await asyncio.sleep(max(_EVERY_SECONDS, _REST * (time.monotonic() - began)))

    async def _look(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            if attempt.wishes.overfull:
                continue
            asked = attempt.grant.job.requirements.disk_gb * _GIGA
            if asked and (size := await _size(attempt)) > asked:
                self._end(attempt, f"its folder has {_gb(size)}, and it asked for {_gb(asked)}")
        if any(each.wishes.overfull for each in attempts):
            return  # what it has comes free soon: nobody else need go
        if attempts and await self.tidying.is_tight():
            sizes = [(await _size(each), each) for each in attempts]
            size, largest = max(sizes, key=lambda each: each[0])
            self._end(largest, f"the disk is full, and its folder has the most on it: {_gb(size)}")

    def _end(self, attempt: Attempt, why: str) -> None:
        _log.warning("the disk is filled", job=attempt.job_id, reason=why)
        attempt.wishes.empty(why)


async def _size(attempt: Attempt) -> int:
    return await asyncio.to_thread(lambda: sum(_sizes(attempt.folder.path)))


def _sizes(folder: Path) -> Iterator[int]:
    """Bytes that files take on the disk, which is less than their length where they have holes."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_blocks * _BLOCK


def _gb(size: float) -> str:
    return f"{size / _GIGA:.3g} GB"
