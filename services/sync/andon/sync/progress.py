"""The line on the terminal that tells how far the sync is."""

import asyncio
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as Bar

from andon.sync.client import FolderSync

_SECONDS = 0.2


class Progress:
    """Shows a sync while the block lasts."""

    def __init__(self, work: FolderSync) -> None:
        self._work = work
        self._why = ""
        console = Console(stderr=True)
        self._bar = Bar(
            TextColumn("{task.description}"), BarColumn(), TransferSpeedColumn(), TimeElapsedColumn(),
            console=console, transient=True, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._bar.add_task("looking", total=None)
        self._shown: asyncio.Task[None] | None = None

    def waits(self, why: str) -> None:
        """Say why nothing goes out."""
        self._why = why

    def __enter__(self) -> Self:
        self._bar.start()
        self._shown = asyncio.create_task(self._show())
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._shown.cancel()
        self._bar.stop()

    async def _show(self) -> None:
        before = -1
        while True:
            stats = self._work.stats
            if stats.read_bytes != before:
                before, self._why = stats.read_bytes, ""
            bad = f", {len(stats.problems)} not sent" if stats.problems else ""
            why = f" · waiting: {self._why[:60]}" if self._why else ""
            text = f"{stats.files} files looked at, {stats.changed} changed{bad}{why}"
            self._bar.update(self._task, description=text, completed=stats.read_bytes)
            await asyncio.sleep(_SECONDS)
