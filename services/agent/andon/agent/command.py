"""`andon agent`: runs the queue's jobs on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import ValidationError

from andon.agent.adapters.secrecy import hide_memory
from andon.contracts import Refused

if TYPE_CHECKING:
    from andon.agent.app import AgentSettings

app = typer.Typer(add_completion=False, help="Run jobs of the queue on this machine.")

_LEAVE_SECONDS = 20.0


@app.callback(invoke_without_command=True)
def agent(  # noqa: PLR0913, PLR0917 - the options of the command
    name: Annotated[str, typer.Option(help="Unique among devices; by default the host's name.")] = "",
    labels: Annotated[str, typer.Option(help="With commas between; jobs may ask for them.")] = "",
    queues: Annotated[str, typer.Option(help="Serve only these, with commas between.")] = "",
    slots: Annotated[int, typer.Option(min=0, help="Jobs at once; 0 is one per core.")] = 0,
    data: Annotated[Path | None, typer.Option(help="Where jobs live; one agent per folder.")] = None,
    once: Annotated[bool, typer.Option("--once", help="Take one job, run it, and end.")] = False,
) -> None:
    """Lease what this machine can hold, run it, and tell how it goes, until Ctrl-C.

    Jobs outlive the agent: start it again, and it takes them up.
    """
    given: dict[str, Any] = {
        "name": name,
        "labels": _listed(labels),
        "queues": _listed(queues),
        "slots": slots,
    }
    raise typer.Exit(_run({key: value for key, value in given.items() if value}, data, once=once))


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _run(given: dict[str, Any], data: Path | None, *, once: bool) -> int:
    from andon import telemetry  # noqa: PLC0415 - `andon --help` needs no bus
    from andon.agent.app import NAME, AgentSettings  # noqa: PLC0415 - the same

    own: dict[str, Any] = {} if data is None else {"data": data}
    try:
        settings = AgentSettings(**own)
        settings = settings.model_copy(update={"agent": settings.agent.model_copy(update=given)})
    except ValidationError as error:
        typer.secho(f"andon: {error}", err=True, fg="red")
        return 2
    settings = _beside_its_stack(settings)
    hide_memory()
    telemetry.start(NAME, settings.telemetry)
    try:
        return asyncio.run(_live(settings, once=once))
    finally:
        telemetry.stop()


async def _live(settings: AgentSettings, *, once: bool) -> int:
    from andon import telemetry  # noqa: PLC0415 - as above
    from andon.agent.app import NAME, AgentSettings, OnStop, build  # noqa: PLC0415 - as above
    from andon.runtime import ServiceDefinition, serving  # noqa: PLC0415 - as above

    log = telemetry.log("andon.agent")
    application, agent = build(settings, once=once)
    asked = asyncio.Event()
    _on_signals(asked)
    definition = ServiceDefinition(NAME, AgentSettings, lambda _: application)
    try:
        async with serving(definition, settings) as running:
            log.info(
                "at work", device=agent.identity.name, slots=agent.identity.slots, folder=str(settings.data)
            )
            waits = [asyncio.ensure_future(each.wait()) for each in (asked, agent.finished)]
            await asyncio.wait((*waits, running.failed), return_when=asyncio.FIRST_COMPLETED)
            for each in waits:
                each.cancel()
            if running.failed.done():
                running.failed.result()
            end_jobs = settings.agent.on_stop is OnStop.END
            await agent.leave(end_jobs=end_jobs, patience=_LEAVE_SECONDS)
            log.info("leaving", jobs=[each.job_id for each in agent.active])
    except (Refused, OSError) as error:
        log.error("can't run", reason=str(error))  # noqa: TRY400 - the user's to put right
        return 1
    return 0


def _on_signals(asked: asyncio.Event) -> None:
    def stop() -> None:
        if asked.is_set():
            os._exit(130)  # asked twice: now
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)


def _beside_its_stack(settings: AgentSettings) -> AgentSettings:
    """With the gateway of the stack that runs here, unless another one was named."""
    from andon.runtime.state import data_folder, running_stack  # noqa: PLC0415 - as above

    stack = None if settings.agent.server else running_stack(data_folder())
    if stack is None or stack.url is None:
        return settings
    return settings.model_copy(update={"agent": settings.agent.model_copy(update={"server": stack.url})})
