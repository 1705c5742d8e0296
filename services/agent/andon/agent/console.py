"""`andon jobs` and `andon job`: what runs, how far it is, and a job of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable  # noqa: TC003 - typer reads the annotations
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from typer.core import TyperGroup

from andon.contracts import INTEGRATIONS, BadRequest, Unavailable, queue
from andon.contracts.queue import (
    ENDED,
    CancelJob,
    Components,
    Conflicts,
    GetJob,
    Job,
    JobStatus,
    ListJobs,
    NewJob,
    Spec,
    StopKind,
    SyncedFiles,
)

if TYPE_CHECKING:
    from andon.messaging import Service
    from andon.storage import Blobs

R = TypeVar("R")
_SECONDS = 10.0


class _JobGroup(TyperGroup):
    """`andon job ID` is short for `andon job show ID`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["show", *args]
        return super().parse_args(ctx, args)


jobs_app = typer.Typer(add_completion=False, help="List jobs.")
job_app = typer.Typer(
    cls=_JobGroup, no_args_is_help=True, add_completion=False, help="Show, submit or cancel one job."
)


@jobs_app.callback(invoke_without_command=True)
def jobs(
    status: Annotated[list[JobStatus] | None, typer.Option(help="Only these; may be repeated.")] = None,
    queue_name: Annotated[str, typer.Option("--queue", help="Only of this queue.")] = "",
    project: Annotated[str, typer.Option(help="Only of this project.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """The newest jobs, and how far they are."""
    from andon.agent import screen  # noqa: PLC0415 - `andon --help` needs none of it

    asked = ListJobs(
        status=tuple(status or ()), queue=queue_name or None, project=project or None, limit=limit
    )

    async def read(bus: Service) -> queue.Jobs:
        return await bus.ask(queue.LIST, asked, timeout=_SECONDS)

    async def look(bus: Service, _: Blobs) -> None:
        if follow:
            await screen.watch_jobs(lambda: read(bus))
        else:
            screen.show_jobs(await read(bus))

    _run(look)


@job_app.command()
def show(
    job_id: Annotated[str, typer.Argument(metavar="ID", help="Its id or an alias.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Show output and progress until it has ended.")
    ] = False,
    again: Annotated[
        bool,
        typer.Option("--again", help="The same once more, from the record of what it was made of."),
    ] = False,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Again, also where it will not be the same.")
    ] = False,
) -> None:
    """One job: what it is, what was tried, and with --follow what it says. With --again it is run anew."""
    if again or anyway:
        from andon.agent.repeating import repeat  # noqa: PLC0415 - as above

        raise typer.Exit(
            _run(lambda bus, blobs: repeat(bus, blobs, _get(job_id).id, anyway=anyway, follow=follow))
        )
    from andon.agent import screen  # noqa: PLC0415 - as above

    async def look(bus: Service, blobs: Blobs) -> Job:
        history = await bus.ask(queue.HISTORY, _get(job_id), timeout=_SECONDS)
        screen.show_job(history)
        return await _followed(bus, blobs, history.job) if follow else history.job

    ended = _run(look)
    raise typer.Exit(0 if not follow or ended.status is JobStatus.SUCCEEDED else 1)


@job_app.command(context_settings={"ignore_unknown_options": True})
def submit(  # noqa: PLR0913, PLR0917 - the options of the command
    command: Annotated[
        list[str], typer.Argument(metavar="-- ARGV...", help="Program and arguments; no shell.")
    ],
    name: Annotated[str, typer.Option(help="By default the program's name.")] = "",
    queue_name: Annotated[str, typer.Option("--queue")] = "default",
    project: Annotated[str, typer.Option()] = "default",
    priority: Annotated[int, typer.Option(min=0, max=100, help="100 is the most urgent.")] = 50,
    cpu: Annotated[float, typer.Option(min=0, help="Cores.")] = 0,
    memory_gb: Annotated[float, typer.Option(min=0)] = 0,
    gpu: Annotated[int, typer.Option(min=0, help="Whole GPUs.")] = 0,
    labels: Annotated[str, typer.Option(help="What its machine must have, with commas between.")] = "",
    env: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; may be repeated.")] = None,
    output: Annotated[list[str] | None, typer.Option(help="NAME=GLOB to keep; may be repeated.")] = None,
    component: Annotated[
        list[str] | None, typer.Option(help="PATH=SHA256 from the component store; may be repeated.")
    ] = None,
    manifest: Annotated[str, typer.Option(help="All components of this experiment.")] = "",
    conflicts: Annotated[
        Conflicts, typer.Option(help="Where the job's folder has another version.")
    ] = Conflicts.SERVER_AUTHORITATIVE,
    sync: Annotated[
        list[str] | None, typer.Option(help="Files to send while it runs, such as '*.log'; may be repeated.")
    ] = None,
    experiment: Annotated[str, typer.Option(help="It belongs to; what is synced goes there.")] = "",
    retries: Annotated[int, typer.Option(min=0, max=100)] = 0,
    follow: Annotated[bool, typer.Option("--follow", "-f")] = False,
) -> None:
    """Have a command run on a machine that can hold it: `andon job submit -- python train.py --epochs 3`."""
    wanted = NewJob(
        name=(name or Path(command[0]).name)[:128],
        project=project,
        queue=queue_name,
        priority=priority,
        max_retries=retries,
        experiment=experiment or None,
        requirements=queue.Requirements(cpu=cpu, memory_gb=memory_gb, gpu=gpu, labels=_listed(labels)),
        spec=Spec(
            command=tuple(command),
            env=_pairs("env", env),
            outputs=tuple(
                queue.Output(name=key, path=value) for key, value in _pairs("output", output).items()
            ),
            components=_components(component, manifest, conflicts),
            sync=SyncedFiles(files=tuple(sync), uid=experiment or None) if sync else None,
        ),
    )

    async def give(bus: Service, blobs: Blobs) -> Job:
        job = await bus.ask(queue.SUBMIT, wanted, timeout=_SECONDS)
        typer.echo(job.id)
        return await _followed(bus, blobs, job) if follow else job

    ended = _run(give)
    raise typer.Exit(0 if not follow or ended.status is JobStatus.SUCCEEDED else 1)


@job_app.command()
def cancel(
    job_id: Annotated[str, typer.Argument(metavar="ID")],
    keep: Annotated[
        bool, typer.Option("--keep", help="What it has so far is worth keeping: it ends as stopped.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Don't wait for its device.")] = False,
) -> None:
    """End a job; its process hears it within seconds."""
    kind = StopKind.STOP if keep else StopKind.CANCEL

    async def end(bus: Service, _: Blobs) -> Job:
        ask = CancelJob(id=_get(job_id).id, kind=kind, force=force)
        return await bus.ask(queue.CANCEL, ask, timeout=_SECONDS)

    job = _run(end)
    typer.echo(f"{job.id} is {job.status}" if job.status in ENDED else f"{job.id} was told to end")


async def _followed(bus: Service, blobs: Blobs, job: Job) -> Job:
    from andon.agent import screen  # noqa: PLC0415 - as above

    async def read() -> Job:
        return await bus.ask(queue.GET, GetJob(id=job.id), timeout=_SECONDS)

    return await screen.follow(read, blobs)


def _run(work: Callable[[Service, Blobs], Awaitable[R]]) -> R:
    """On a bus of its own; what is refused is one line, and Ctrl-C no traceback."""
    try:
        return asyncio.run(_connected(work))
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


async def _connected(work: Callable[[Service, Blobs], Awaitable[R]]) -> R:
    from andon.agent.app import AgentSettings  # noqa: PLC0415 - as above
    from andon.messaging import Service  # noqa: PLC0415 - as above
    from andon.storage import Blobs  # noqa: PLC0415 - as above

    settings = AgentSettings()
    async with Service(INTEGRATIONS, settings.bus) as bus, Blobs(settings.s3) as blobs:
        try:
            return await work(bus, blobs)
        except Unavailable as away:
            raise Unavailable(f"{away}; does the queue run?") from away


def _get(job_id: str) -> GetJob:
    try:
        return GetJob(id=job_id)
    except ValueError:
        raise BadRequest("that is no job's id", {"id": "1 to 64 characters"}) from None


def _components(given: list[str] | None, manifest: str, conflicts: Conflicts) -> Components | None:
    if not given and not manifest:
        return None
    try:
        return Components(manifest=manifest or None, versions=_pairs("component", given), conflicts=conflicts)
    except ValueError:
        raise BadRequest(
            "--component takes PATH=SHA256, --manifest a name", {"component": "not so"}
        ) from None


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _pairs(field: str, given: list[str] | None) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for each in given or ():
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise BadRequest(f"--{field} takes NAME=VALUE", {field: "not NAME=VALUE"})
        pairs[key] = value
    return pairs
