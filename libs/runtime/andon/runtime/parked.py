"""Shows the messages that could not be handled, and sends one back."""

import asyncio
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from andon.messaging import Parked, ParkedMessages
from andon.runtime.settings import Settings


def show(limit: int) -> None:
    """Print the newest. Raises Unavailable."""
    letters = asyncio.run(_read(limit))
    console = Console()
    if letters:
        console.print(_table(letters))
    else:
        console.print("nothing is parked")


def replay(sequence: int) -> None:
    """Say one again where it came from. Raises NotFound, Unavailable."""
    asyncio.run(_replay(sequence))


async def _read(limit: int) -> list[Parked]:
    async with ParkedMessages(Settings().bus) as parked:
        return await parked.list(limit)


async def _replay(sequence: int) -> None:
    async with ParkedMessages(Settings().bus) as parked:
        await parked.replay(sequence)


def _table(letters: Iterable[Parked]) -> Table:
    table = Table("sequence", "parked", "subject", "service", "code", "attempts", "reason")
    for letter in letters:
        table.add_row(
            str(letter.sequence),
            f"{letter.time:%Y-%m-%d %H:%M:%S}",
            letter.subject,
            letter.service,
            letter.code,
            str(letter.attempts),
            letter.reason,
        )
    return table
