"""`andon sync`: keeps a folder the same on the server."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from andon.contracts import Name
from andon.sync.client.folder import LINK, SPECIAL

if TYPE_CHECKING:
    from andon.sync.client import FolderSync, Ledger

app = typer.Typer(add_completion=False)

_SHOWN = 20
_INCOMPLETE, _FAILED = 1, 2


def _uid(given: str) -> str:
    try:
        return TypeAdapter(Name).validate_python(given)
    except ValidationError as error:
        raise typer.BadParameter("letters, digits, dots, dashes and underscores, up to 64") from error


@app.command()
def sync(  # noqa: PLR0913, PLR0917 - the options of the command
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="What to send.")],
    uid: Annotated[str, typer.Option(help="The experiment it belongs to.", callback=_uid)],
    url: Annotated[
        str, typer.Option(envvar="ANDON_URL", help="Where the gateway is.")
    ] = "http://127.0.0.1:8080",
    key: Annotated[
        str, typer.Option(envvar="ANDON_KEY", help="A key of POST /api/v1/keys that may inspect.")
    ] = "",
    once: Annotated[bool, typer.Option("--once", help="Send, compare all by hash, and end.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Name what would be sent; send nothing.")
    ] = False,
    state: Annotated[
        Path | None, typer.Option(help="Where it remembers; by default .andon-sync in the folder.")
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only paths like this, where * stands for any characters; may be repeated."),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, help="Seconds of an outage after which it gives up; 0 never does.")
    ] = 0,
) -> None:
    """Send a folder and what changes in it, through outages and restarts. Ctrl-C compares all and ends."""
    from andon.sync.client import Ledger, LedgerTaken  # noqa: PLC0415 - `andon --help` needs no HTTP
    from andon.sync.client.ledger import FOLDER  # noqa: PLC0415 - the same

    try:
        ledger = Ledger(state or folder / FOLDER, url, uid)
    except LedgerTaken as taken:
        typer.secho(str(taken), err=True, fg="red")
        raise typer.Exit(_FAILED) from taken
    except OSError as error:
        typer.secho(f"{error}: give --state a folder that can be written", err=True, fg="red")
        raise typer.Exit(_FAILED) from error
    with ledger:
        raise typer.Exit(
            asyncio.run(_run(folder, url, key, uid, ledger, once, dry_run, patience, tuple(only or ())))
        )


async def _run(  # noqa: PLR0913, PLR0917 - the options of the command
    root: Path,
    url: str,
    key: str,
    uid: str,
    ledger: Ledger,
    once: bool,
    dry_run: bool,
    patience: float,
    only: tuple[str, ...],
) -> int:
    from andon.sync.client import FolderSync, GaveUp, Patience, Server, Turned  # noqa: PLC0415 - as above
    from andon.sync.progress import Progress  # noqa: PLC0415 - as above

    asked = asyncio.Event()
    rest = Patience(total=patience or None)
    server = Server(url, key, uid, ledger.writer, rest, lambda why, _seconds: progress.waits(why))
    work = FolderSync(root, server, ledger, only=only)
    progress = Progress(work)
    if dry_run:
        return _named(work)
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, lambda: task.cancel() if asked.is_set() and task else asked.set())
    try:
        async with server:
            with progress:
                await work.register()
                if not once:
                    await work.watch(asked)
                status = await work.finish()
    except (Turned, GaveUp) as error:
        typer.secho(f"sync: {error}", err=True, fg="red")
        return _FAILED
    except asyncio.CancelledError:
        typer.secho("stopped; the next start goes on from here", err=True, fg="yellow")
        return _INCOMPLETE
    return _told(work, status)


def _named(work: FolderSync) -> int:
    count = size = 0
    for found in work.pending():
        typer.echo(f"{found.stamp.length:>12}  {found.path}")
        count, size = count + 1, size + found.stamp.length
    typer.echo(f"{count} files would be compared and sent where they differ; {size} bytes")
    return 0


def _told(work: FolderSync, status: str) -> int:
    stats = work.stats
    for path, why in list(stats.problems.items())[:_SHOWN]:
        typer.secho(f"not sent: {path}: {why}", err=True, fg="yellow")
    if len(stats.problems) > _SHOWN:
        typer.secho(f"... and {len(stats.problems) - _SHOWN} more", err=True, fg="yellow")
    sent = f"{stats.read_bytes} bytes of files in {work.server.sent} bytes on the wire"
    typer.echo(f"{status}: {sent}", file=sys.stdout)
    passed_over = {LINK, SPECIAL}
    return 0 if status == "synced" and passed_over.issuperset(stats.problems.values()) else _INCOMPLETE
