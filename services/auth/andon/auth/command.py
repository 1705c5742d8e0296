"""`andon audit`: who did what, and whether the log of it is whole. Reads the database itself, auth or not."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from andon.contracts import BadRequest, audit

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from andon.auth.domain.chain import Break, Link
    from andon.auth.store.chain import ChainStore

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Who did what, in a log that can't be changed unseen."
)

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@app.command()
def verify(
    noted: Annotated[
        list[str] | None,
        typer.Option(help="SEQUENCE:HASH that an earlier run printed and that was kept elsewhere."),
    ] = None,
) -> None:
    """Walk the whole chain; names the first entry that is not what was written, with exit status 1."""
    last, found = asyncio.run(_verify(dict(_noted(text) for text in noted or ())))
    if found is not None:
        typer.secho(f"the audit log is broken at entry {found.sequence}: {found.why}", err=True, fg="red")
        raise typer.Exit(1)
    typer.echo(f"{last.sequence} entries, unbroken; note this elsewhere: {last.sequence}:{last.hash}")


@app.command("list")
def list_entries(
    actor: Annotated[str | None, typer.Option(help="Name or id.")] = None,
    action: Annotated[str | None, typer.Option(help="Such as auth.user.change, or auth.*")] = None,
    since: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="UTC.")] = None,
    until: Annotated[datetime | None, typer.Option(formats=_FORMATS, help="UTC, exclusive.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 50,
) -> None:
    """What was done, newest first."""
    question = audit.ListEntries(
        actor=actor, action=action, since=since and since.replace(tzinfo=UTC),
        until=until and until.replace(tzinfo=UTC), limit=limit,
    )  # fmt: skip
    for entry in asyncio.run(_page(question)).entries:
        typer.echo(line(entry))


def line(entry: audit.Entry) -> str:
    """One entry for a person."""
    details = " ".join(f"{name}={value!r}" for name, value in entry.details.items())
    who = f"{entry.actor.name or 'nobody known'} ({entry.actor.kind})"
    what = f"{entry.action} {entry.target}".strip()
    when = f"{entry.at:%Y-%m-%d %H:%M:%S}Z"
    return f"{entry.sequence:>8}  {when}  {who:<24} {what}  {entry.outcome}  {details}".rstrip()


def _noted(text: str) -> tuple[int, str]:
    sequence, _, value = text.partition(":")
    if not (sequence.isascii() and sequence.isdecimal() and value):
        raise BadRequest(f"--noted {text}: it is a sequence, a colon and a hash")
    return int(sequence), value


async def _verify(noted: dict[int, str]) -> tuple[Link, Break | None]:
    from andon.auth.handlers.audit import verified  # noqa: PLC0415 - `andon --help` needs no database

    async with _chain() as chain:
        return await verified(chain, noted)


async def _page(question: audit.ListEntries) -> audit.Entries:
    async with _chain() as chain:
        return await chain.page(question)


@asynccontextmanager
async def _chain() -> AsyncGenerator[ChainStore]:
    from andon.auth.app import AuthSettings  # noqa: PLC0415 - as above
    from andon.auth.store.chain import ChainStore  # noqa: PLC0415 - as above
    from andon.storage import Mongo  # noqa: PLC0415 - as above

    async with Mongo(AuthSettings().mongo) as mongo:
        yield ChainStore(mongo.database("auth"))
