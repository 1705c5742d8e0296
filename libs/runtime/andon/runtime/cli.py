"""The `andon` command."""

import sys
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from andon.contracts import Refused
from andon.runtime.embedded import NotReady
from andon.runtime.registry import service_names
from andon.runtime.state import adopt, data_folder


class _Commands(TyperGroup):
    """Our own commands, and those that services bring, imported only when they are asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*super().list_commands(ctx), *sorted(point.name for point in _points())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for point in _points():
            if point.name == cmd_name:
                command = typer.main.get_command(point.load())
                command.name = cmd_name  # a group of one command is called like its function otherwise
                return command
        return super().get_command(ctx, cmd_name)


def _points() -> Any:
    return entry_points(group="andon.commands")


app = typer.Typer(
    cls=_Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False,
    help="Sees every part of a factory line, judges it, and tells everybody who must know.",
)  # fmt: skip


@app.callback()
def _root(
    ctx: typer.Context,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the stack to talk to; by default ANDON_DATA or ./.andon.")
    ] = None,
) -> None:
    ctx.obj = data or data_folder()
    if ctx.invoked_subcommand != "up":
        adopt(ctx.obj)


@app.command()
def run(service: Annotated[str, typer.Argument(help="For example inspection.")]) -> None:
    """Run one service in this process until Ctrl-C."""
    from andon.runtime.service import run as run_service  # noqa: PLC0415 - nobody else needs a broker's client

    raise typer.Exit(run_service(service))


@app.command()
def up(  # noqa: PLR0913, PLR0917 - a command's options
    ctx: typer.Context,
    data: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    port: Annotated[
        int,
        typer.Option(envvar="ANDON_HTTP__PORT", min=0, max=65535, help="Of the gateway; 0 takes a free one."),
    ] = 8080,
    opcua_port: Annotated[
        int, typer.Option(envvar="ANDON_OPCUA__PORT", min=0, max=65535, help="Of the OPC UA server.")
    ] = 4840,
    demo: Annotated[bool, typer.Option(help="Well-known credentials and open doors, on loopback.")] = False,
    services: Annotated[str, typer.Option(help="Only these, with commas between.")] = "",
) -> None:
    """Run all of Andon on this machine: servers, streams, services. Ctrl-C ends it all."""
    from andon.runtime.up import InUse, StartFailed, UpOptions  # noqa: PLC0415 - as above
    from andon.runtime.up import up as run_up  # noqa: PLC0415 - as above

    chosen = tuple(name.strip() for name in services.split(",") if name.strip())
    options = UpOptions(data or ctx.obj, port, opcua_port, demo, chosen)
    try:
        status = run_up(options)
    except (InUse, StartFailed, NotReady) as error:
        _complain(str(error))
        status = 1
    raise typer.Exit(status)


@app.command()
def check(ctx: typer.Context) -> None:
    """Ping every dependency and service; the exit status tells whether all are well."""
    from andon.runtime.check import check as look  # noqa: PLC0415 - as above

    raise typer.Exit(look(ctx.obj))


@app.command()
def status(ctx: typer.Context) -> None:
    """What runs over the data folder."""
    from andon.runtime.status import status as tell  # noqa: PLC0415 - as above

    raise typer.Exit(tell(ctx.obj))


@app.command()
def streams() -> None:
    """Declare the bus's streams and durables; does no harm when they are there."""
    from andon.runtime.topology import main as declare  # noqa: PLC0415 - as above

    declare()
    typer.echo("streams and durables are declared")


@app.command("services")
def list_services() -> None:
    """Name the services that are installed."""
    for name in service_names():
        typer.echo(name)


parked = typer.Typer(no_args_is_help=True, help="Messages that could not be handled, with their reasons.")
app.add_typer(parked, name="parked")


@parked.command("list")
def parked_list(limit: Annotated[int, typer.Option(min=1, max=1000)] = 50) -> None:
    """Newest first."""
    from andon.runtime.parked import show  # noqa: PLC0415 - as above

    show(limit)


@parked.command("replay")
def parked_replay(sequence: Annotated[int, typer.Argument(help="As `parked list` shows it.")]) -> None:
    """Put a message back where it came from."""
    from andon.runtime.parked import replay  # noqa: PLC0415 - as above

    replay(sequence)
    typer.echo(f"message {sequence} is on its way again")


def _complain(message: str) -> None:
    typer.secho(f"andon: {message}", err=True, fg="red")


def main() -> None:
    """Entry point; what is refused is one line, not a traceback."""
    try:
        app()
    except Refused as refused:
        _complain(str(refused))
        sys.exit(1)
