"""Looks at every dependency and every service of a stack."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Column, Table

from andon import telemetry
from andon.contracts import Refused
from andon.messaging import Service
from andon.runtime.embedded import LOOPBACK
from andon.runtime.settings import Settings
from andon.runtime.state import ServiceState, StackState, running_stack
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings

_PATIENCE = 5.0
"""Seconds that each has to answer."""


class _Everything(Settings):
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()


@dataclass(frozen=True)
class _Look:
    name: str
    ok: bool
    milliseconds: float
    note: str = ""


def check(data: Path) -> int:
    """Print a table of what answers; 0 when everything does, else 1."""
    state, settings = running_stack(data), _Everything()
    telemetry.start("andon", settings.telemetry.model_copy(update={"level": "error"}))
    looks = asyncio.run(_look_around(settings, state))
    table = Table("what", "state", "ms", Column("", overflow="fold"))
    for look in looks:
        mark = "[green]well[/]" if look.ok else "[red]away[/]"
        table.add_row(look.name, mark, f"{look.milliseconds:.0f}", look.note)
    console = Console()
    console.print(table)
    if state is None:
        console.print(f"no stack runs over {data}: these are the servers that the environment names")
    return 0 if all(look.ok for look in looks) else 1


async def _look_around(settings: _Everything, state: StackState | None) -> list[_Look]:
    services = state.services if state else {}
    return await asyncio.gather(
        _look("bus", _ping_bus(settings)),
        _look("mongo", _ping_mongo(settings)),
        _look("s3", _ping_s3(settings)),
        *(_look(name, _ping_service(each)) for name, each in sorted(services.items())),
    )


async def _look(name: str, ping: Callable[[], Awaitable[None]]) -> _Look:
    began = time.perf_counter()

    def after(ok: bool, note: str = "") -> _Look:
        return _Look(name, ok, (time.perf_counter() - began) * 1000, note)

    try:
        await asyncio.wait_for(ping(), _PATIENCE)
    except TimeoutError:
        return after(ok=False, note=f"no answer within {_PATIENCE:g} s")
    except (Refused, OSError, httpx.HTTPError) as error:
        return after(ok=False, note=str(error) or type(error).__name__)
    return after(ok=True)


def _ping_bus(settings: Settings) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        bus = settings.bus.model_copy(update={"connect_timeout": _PATIENCE - 1})
        async with Service("check", bus) as service:
            await service.ping()

    return ping


def _ping_mongo(settings: _Everything) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        mongo = Mongo(settings.mongo.model_copy(update={"timeout_ms": int((_PATIENCE - 1) * 1000)}))
        try:
            await mongo.ping()
        finally:
            await mongo.close()

    return ping


def _ping_s3(settings: _Everything) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        blobs = Blobs(settings.s3)
        try:
            await blobs.ping()
        finally:
            await blobs.close()

    return ping


def _ping_service(state: ServiceState) -> Callable[[], Awaitable[None]]:
    async def ping() -> None:
        if state.health_port is None:
            raise ConnectionError("it is starting")
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"http://{LOOPBACK}:{state.health_port}/ready")
        bad = [
            f"{name}: {each['reason']}" for name, each in answer.json()["checks"].items() if not each["ok"]
        ]
        if not answer.is_success:
            raise ConnectionError("; ".join(bad) or "it is starting")

    return ping
