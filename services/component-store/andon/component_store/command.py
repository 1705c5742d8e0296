"""`andon components`: a folder of components, brought together with the store."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from andon.component_store.domain.conflicts import Conflict, Resolution, Strategy
from andon.component_store.domain.paths import placed
from andon.contracts import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from andon.component_store.client.folder import Folder, Outcome
    from andon.component_store.client.remote import Remote

app = typer.Typer(
    no_args_is_help=True, add_completion=False, help="Send, fetch and restore versions of components."
)

_MOST = 5 << 20
Url = Annotated[str, typer.Option(envvar="ANDON_URL", help="Where the gateway is.")]
Key = Annotated[str, typer.Option(envvar="ANDON_KEY", help="A key of POST /api/v1/keys.")]
Why = Annotated[str, typer.Option(help="For the history.")]
Place = Annotated[Path, typer.Argument(help="With agent/*.py and component/<category>/*.py in it.")]
GivingWay = Annotated[Strategy, typer.Option(help="Who gives way.")]
_HERE = "http://127.0.0.1:8080"


@app.command()
def scan(folder: Place, url: Url = _HERE, key: Key = "", why: Why = "scan") -> None:
    """Send every component of a folder that the store does not have active, and activate it."""
    with _remote(url, key) as remote:
        _tell(_folder(folder, remote).scan(why))


@app.command()
def pull(
    folder: Place,
    strategy: Annotated[Strategy, typer.Option(help="Who gives way.")] = Strategy.INTERACTIVE,
    url: Url = _HERE,
    key: Key = "",
    why: Why = "pull",
) -> None:
    """Settle every difference between a folder and the store."""
    with _remote(url, key) as remote:
        outcome = _folder(folder, remote).pull(strategy, _ask, why)
    _tell(outcome, undecided=_nobody_decides(strategy))


@app.command()
def restore(
    uid: Annotated[str, typer.Argument(help="Of the experiment.")],
    folder: Place,
    strategy: GivingWay = Strategy.SERVER_AUTHORITATIVE,
    url: Url = _HERE,
    key: Key = "",
) -> None:
    """Write the exact components of an experiment into a folder; other files stay."""
    with _remote(url, key) as remote:
        outcome = _folder(folder, remote).restore(remote.manifest(uid), strategy, _ask)
    _tell(outcome, undecided=_nobody_decides(strategy))


@app.command()
def fetch(  # noqa: PLR0913, PLR0917 - the options of the command
    folder: Place,
    component: Annotated[list[str] | None, typer.Option(help="PATH=SHA256; may be repeated.")] = None,
    manifest: Annotated[str, typer.Option(help="All of this experiment's as well.")] = "",
    strategy: GivingWay = Strategy.SERVER_AUTHORITATIVE,
    report: Annotated[Path | None, typer.Option(help="Say there, as JSON, what became of each.")] = None,
    url: Url = _HERE,
    key: Key = "",
) -> None:
    """Write exact versions into a folder, by their hashes; nothing is sent."""
    try:
        with _remote(url, key) as remote:
            wanted = remote.wanted(manifest or None, component or ())
            outcome = _folder(folder, remote).restore(wanted, strategy, _ask)
    except Refused as refused:
        if report is not None:
            report.write_text(json.dumps({"problem": refused.problem.model_dump(mode="json")}))
        raise
    if report is not None:
        report.write_text(json.dumps({"wanted": wanted, "files": _files(wanted), **asdict(outcome)}))
    _tell(outcome, undecided=_nobody_decides(strategy))


@app.command()
def activate(
    hash_: Annotated[str, typer.Argument(metavar="HASH", help="XXH3-64 or SHA-256.")],
    path: Annotated[str | None, typer.Option(help="Where the content is at several.")] = None,
    url: Url = _HERE,
    key: Key = "",
    why: Why = "",
) -> None:
    """Let a version, also an older one, be the active one of its path."""
    with _remote(url, key) as remote:
        typer.echo(f"{remote.activate(hash_, path, why)} is at {hash_}")


def _remote(url: str, key: str) -> Remote:
    from andon.component_store.client.remote import Remote  # noqa: PLC0415 - `andon --help` needs no HTTP

    return Remote(url, key)


def _folder(root: Path, remote: Remote) -> Folder:
    from andon.component_store.adapters.tree import Tree  # noqa: PLC0415 - as above
    from andon.component_store.client.folder import Folder  # noqa: PLC0415 - as above

    return Folder(Tree(root, _MOST), remote)


def _files(paths: Iterable[str]) -> dict[str, str]:
    """Where each lies below its folder."""
    return {path: str(placed(path).file) for path in paths}


def _nobody_decides(strategy: Strategy) -> bool:
    return strategy is Strategy.INTERACTIVE and not sys.stdin.isatty()


def _ask(conflict: Conflict) -> Resolution:
    if not sys.stdin.isatty():
        return Resolution.SKIP
    choices = [str(choice) for choice in conflict.choices]
    sides = f"here {(conflict.local or 'nothing')[:12]}, there {(conflict.server or 'nothing')[:12]}"
    answer = ""
    while answer not in choices:
        answer = typer.prompt(
            f"{conflict.path}: {conflict.difference} ({sides}); {', '.join(choices)}", default="skip"
        )
    return Resolution(answer)


def _tell(outcome: Outcome, *, undecided: bool = False) -> None:
    for path in outcome.downloaded:
        typer.echo(f"  down     {path}")
    for path in outcome.uploaded:
        typer.echo(f"  up       {path}")
    for conflict in outcome.skipped:
        typer.echo(f"  skipped  {conflict.path}: {conflict.difference}")
    for path, why in outcome.failed.items():
        typer.secho(f"  failed   {path}: {why}", err=True, fg="red")
    typer.echo(
        f"{len(outcome.downloaded)} down, {len(outcome.uploaded)} up, {len(outcome.current)} as they were, "
        f"{len(outcome.skipped)} skipped, {len(outcome.failed)} failed"
    )
    if outcome.failed or (undecided and outcome.skipped):
        raise typer.Exit(1)
