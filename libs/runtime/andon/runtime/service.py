"""Runs one service as a process: `python -m andon.runtime.service NAME`, as lean as `andon run NAME`."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from pydantic import ValidationError

from andon import telemetry
from andon.contracts import Refused
from andon.runtime._serving import Running, serving
from andon.runtime.application import ServiceDefinition
from andon.runtime.registry import definition_of
from andon.runtime.settings import Settings


def run(name: str) -> int:
    """Run a service until SIGTERM or SIGINT; the exit status."""
    try:
        definition = definition_of(name)
        settings = definition.settings()
    except (LookupError, ValidationError) as error:
        print(f"andon: {error}", file=sys.stderr)  # noqa: T201 - logs are not configured yet
        return 2
    telemetry.start(name, settings.telemetry)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(_live(definition, settings))
    finally:
        telemetry.stop()


def _loop_factory():  # noqa: ANN202 - a factory of whichever loop there is
    try:
        import uvloop  # noqa: PLC0415 - there is none for Windows
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


async def _live(definition: ServiceDefinition, settings: Settings) -> int:
    asked, ready = asyncio.Event(), asyncio.Event()
    life = asyncio.create_task(_serve(definition, settings, asked, ready))

    def stop() -> None:
        if asked.is_set():
            os._exit(130)  # asked twice: now
        asked.set()
        if not ready.is_set():
            life.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    try:
        await life
    except asyncio.CancelledError:
        return 0  # asked to stop before it was ready
    except (Refused, OSError) as error:
        telemetry.log("andon.runtime").error("can't run", reason=str(error))
        return 1
    except Exception:  # noqa: BLE001 - the end of this process, told in its log
        telemetry.log("andon.runtime").exception("failed")
        return 1
    return 0


async def _serve(
    definition: ServiceDefinition, settings: Settings, asked: asyncio.Event, ready: asyncio.Event
) -> None:
    async with serving(definition, settings) as running:
        ready.set()
        _announce(running, settings.health.announce)
        stopping = asyncio.ensure_future(asked.wait())
        await asyncio.wait((stopping, running.failed), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        telemetry.log("andon.runtime").info("stopping")
    telemetry.log("andon.runtime").info("stopped")
    if running.failed.done():
        running.failed.result()


def _announce(running: Running, file: Path | None) -> None:
    if file is None:
        return
    content = {"pid": os.getpid(), "health_port": running.health_port, "http_port": running.http_port}
    scratch = file.with_suffix(f".{os.getpid()}")
    scratch.write_text(json.dumps(content))
    scratch.replace(file)


if __name__ == "__main__":
    sys.exit(run(sys.argv[1]))
