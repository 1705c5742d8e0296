"""`andon models`: versions on the line, from a terminal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

from andon.contracts import INTEGRATIONS, Refused, rollout, station, training
from andon.contracts.station import TrialRole

if TYPE_CHECKING:
    from andon.contracts import Query

app = typer.Typer(help="Model versions: where they judge, and trying new ones.", no_args_is_help=True)

Version = Annotated[str, typer.Argument(help="The version's id.")]
Stations = Annotated[list[str] | None, typer.Option("--station", help="May be given several times.")]
RolloutId = Annotated[str, typer.Argument(help="The rollout's id.")]
_BY = "command line"
_SECONDS = 65.0


@app.command("list")
def versions(limit: Annotated[int, typer.Option(min=1, max=500)] = 20) -> None:
    """Versions, newest first, and what is tried."""
    found: training.Models = _asked(training.LIST, training.ListModels(limit=limit))
    for each in found.models:
        where = ", ".join(each.deployed_to) or "-"
        typer.echo(f"{each.id}  {each.created_at:%Y-%m-%d %H:%M}  {each.name}  judges: {where}")
    running: rollout.Rollouts = _asked(rollout.LIST, rollout.ListRollouts(running=True))
    for one in running.rollouts:
        typer.echo(_line(one))


@app.command()
def deploy(
    version: Version,
    stations: Stations = None,
    everywhere: Annotated[bool, typer.Option(help="To every station there is.")] = False,
    watch_minutes: Annotated[int | None, typer.Option(min=0, help="0: do not watch it.")] = None,
) -> None:
    """Let stations judge by a version from their next part on."""
    wanted = training.DeployModel(
        version_id=version,
        station_ids=tuple(stations or ()),
        everywhere=everywhere,
        watch_minutes=watch_minutes,
        by=_BY,
    )
    done: training.ModelDeployed = _asked(training.DEPLOY, wanted)
    typer.echo(f"{', '.join(done.station_ids)}: judged by {done.version_id} now")


@app.command()
def rollback(
    version: Version, stations: Stations = None, reason: Annotated[str, typer.Option()] = ""
) -> None:
    """Take stations that judge by a version to the one before."""
    wanted = rollout.RollBack(version_id=version, station_ids=tuple(stations or ()), reason=reason, by=_BY)
    done: rollout.RolledBackStations = _asked(rollout.ROLL_BACK, wanted)
    for each in done.rolled_back:
        typer.echo(f"{each.station_id}: back from {each.from_version} to {each.to_version}")


@app.command()
def shadow(version: Version, stations: Stations = None) -> None:
    """Let a version judge silently beside."""
    _start(version, stations, TrialRole.SHADOW, {})


@app.command()
def canary(
    version: Version,
    stations: Stations = None,
    share: Annotated[float, typer.Option(min=0.001, max=1, help="Of the parts.")] = 0.1,
) -> None:
    """Let a version judge a share of the parts."""
    _start(version, stations, TrialRole.CANARY, {"share": share})


@app.command()
def promote(rollout_id: RolloutId) -> None:
    """Let the version on trial judge every part."""
    typer.echo(_line(_asked(rollout.PROMOTE, rollout.EndTrial(id=rollout_id, by=_BY))))


@app.command()
def abort(rollout_id: RolloutId) -> None:
    """End a trial or a watch."""
    typer.echo(_line(_asked(rollout.ABORT, rollout.EndTrial(id=rollout_id, by=_BY))))


@app.command()
def history(station_id: Annotated[str, typer.Argument(help="The station's id.")]) -> None:
    """The versions that a station judged by, newest first."""
    known: station.Station = _asked(station.GET, station.GetStation(id=station_id))
    for each in known.history:
        forced = " (forced)" if each.forced else ""
        typer.echo(
            f"{each.at:%Y-%m-%d %H:%M}  {each.kind}{forced}  {each.version_id}  {each.by}  {each.note}"
        )


def _start(version: str, stations: list[str] | None, role: TrialRole, more: dict[str, Any]) -> None:
    wanted = rollout.StartTrial(
        version_id=version, role=role, station_ids=tuple(stations or ()), by=_BY, **more
    )
    begun: rollout.Rollouts = _asked(rollout.START, wanted)
    for one in begun.rollouts:
        typer.echo(_line(one))


def _line(one: rollout.Rollout) -> str:
    new, old = one.new, one.old
    text = (
        f"{one.id}  {one.station_id}  {one.role} {one.state}: {one.version_id} {new.parts} parts, "
        f"{new.pass_rate:.1%} passed; {one.against} {old.parts} parts, {old.pass_rate:.1%} passed"
    )
    return f"{text}; {one.reason}" if one.reason else text


def _asked(query: Query[Any, Any], question: Any) -> Any:
    try:
        return asyncio.run(_ask(query, question))
    except Refused as refused:
        typer.secho(str(refused), err=True, fg="red")
        raise typer.Exit(1) from refused


async def _ask(query: Query[Any, Any], question: Any) -> Any:
    from andon.messaging import Service  # noqa: PLC0415 - `andon --help` needs no bus
    from andon.training.app import TrainingSettings  # noqa: PLC0415 - the same

    async with Service(INTEGRATIONS, TrainingSettings().bus) as bus:
        return await bus.ask(query, question, timeout=_SECONDS)
