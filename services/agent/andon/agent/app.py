"""The agent, put together."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

from andon.agent.adapters.archive import Limits
from andon.agent.adapters.cache import Cache
from andon.agent.adapters.cgroups import of_this_machine
from andon.agent.adapters.errands import Door, Errands
from andon.agent.adapters.folder import owned
from andon.agent.adapters.keepers import Keepers
from andon.agent.adapters.machine import Machine
from andon.agent.adapters.survey import Survey
from andon.agent.domain.segments import Bounds
from andon.agent.domain.starting import Manner
from andon.agent.handlers.agent import Agent, Identity
from andon.agent.handlers.attempt import Tools
from andon.agent.handlers.collecting import Collecting
from andon.agent.handlers.components import Restoring
from andon.agent.handlers.fetching import Fetching
from andon.agent.handlers.preparing import Preparing
from andon.agent.handlers.tidying import Tidying
from andon.agent.store.attempts import Attempts
from andon.contracts import INTEGRATIONS
from andon.contracts.queue import JOB_SIGNALLED
from andon.messaging import Service
from andon.runtime import Application, Settings, optional
from andon.storage import Blobs, S3Settings

NAME = "agent"
_GIGA = 10**9
_MEBIBYTE = 1 << 20
_OFFERS = {"jupyterlab": "jupyterlab", "andon.training.fitting": "training"}
"""Packages whose label jobs may ask for."""

Seconds = Annotated[float, Field(ge=0)]


class OnStop(StrEnum):
    LEAVE = "leave"
    """Jobs run on; the next start takes them up. Come back within the queue's lease and grace."""
    END = "end"
    """Jobs are ended and given back, for machines that go away with the agent."""


class AgentBlock(BaseModel):
    """What this machine offers and how it runs jobs."""

    name: str = ""
    """Unique among devices; by default the host's name."""
    labels: tuple[str, ...] = ()
    """Jobs may ask for them; `jupyterlab`, `training` and `torch` it has by itself where they are."""
    queues: tuple[str, ...] = ()
    """Serves only these; none is all."""
    kinds: tuple[str, ...] = ()
    """Runs only jobs of these kinds; none is all."""
    slots: Annotated[int, Field(ge=0, le=4096)] = 0
    """Jobs at once; 0 is one per core."""
    on_stop: OnStop = OnStop.LEAVE
    keep_seconds: Seconds = 3600
    """How long the folder of an ended job is kept."""
    cache_gb: Annotated[float, Field(ge=0)] = 20
    """Inputs that are kept for the next job. 10^9 bytes, as the next two."""
    reserve_gb: Annotated[float, Field(ge=0)] = 1
    """Of the disk; when less is free, no job is taken."""
    archive_gb: Annotated[float, Field(gt=0)] = 20
    """The most a snapshot may be, unpacked."""
    server: str = ""
    """The gateway, for jobs whose files are synced or that name components; such as http://gateway:8080."""
    key: SecretStr = SecretStr("")
    """For it, with `inspect` and `view_history`."""
    patience: Seconds = 600
    """Seconds that the object store may be away while a job is prepared or its outputs are collected."""
    urls: tuple[str, ...] = ()
    """What URLs of inputs must begin with, such as https://data.example/; none is fetched otherwise."""
    nice: Annotated[int, Field(ge=0, le=19)] = 5
    limit_memory: bool = True
    """A job may have the memory it asked for: each of its processes, and with cgroups all together."""
    limit_cpu: bool = True
    """A job may have the cores it asked for; holds with cgroups alone."""
    log_mebibytes: Annotated[int, Field(ge=2, le=65536)] = 16
    """Of each stream of output; beyond, the middle is left out."""


class AgentSettings(Settings):
    s3: S3Settings = S3Settings()
    agent: AgentBlock = AgentBlock()


def build(settings: AgentSettings, *, once: bool = False) -> tuple[Application, Agent]:
    """Connects nothing."""
    asked, folder = settings.agent, settings.data / NAME
    bus, blobs = Service(INTEGRATIONS, settings.bus), Blobs(settings.s3)
    attempts, cache = Attempts(folder), Cache(folder / "cache", int(asked.cache_gb * _GIGA))
    errands = Errands(Door(asked.server, asked.key)) if asked.server else None
    keepers = Keepers(lambda name: agent.heard(name))  # noqa: PLW0108 - it comes to be below
    tools = Tools(
        bus=bus,
        blobs=blobs,
        keepers=keepers,
        preparing=_preparing(asked, bus, blobs, cache, errands),
        collecting=Collecting(blobs),
        errands=errands,
        patience=asked.patience,
    )
    tidying = Tidying(folder, attempts, cache, int(asked.reserve_gb * _GIGA), asked.keep_seconds)
    agent = Agent(_identity(asked), tools, attempts, Machine(settings.data), tidying, once)
    bus.follows([JOB_SIGNALLED], agent.signalled, after=_only_new)
    application = Application(
        bus,
        checks={"s3": blobs.ping},
        resources=(blobs, _folders(folder, attempts, cache)),
        background=(agent.work,),
    )
    return application, agent


def _preparing(
    asked: AgentBlock, bus: Service, blobs: Blobs, cache: Cache, errands: Errands | None
) -> Preparing:
    half = max(asked.log_mebibytes // 2, 1)
    limits = Limits(int(asked.archive_gb * _GIGA))
    return Preparing(
        fetching=Fetching(bus, blobs, cache, limits, asked.patience, asked.urls),
        restoring=Restoring(errands, asked.patience),
        survey=Survey(),
        manner=Manner(Bounds(_MEBIBYTE, half, half), asked.nice, asked.limit_memory, asked.limit_cpu),
        cgroups=of_this_machine(),
        device=_identity(asked).name,
    )


def _identity(asked: AgentBlock) -> Identity:
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    name = asked.name or socket.gethostname()
    offers = [label for package, label in _OFFERS.items() if _has(package)]
    if optional("torch") is not None:
        offers.append("torch")
    return Identity(
        name, tuple(dict.fromkeys((*asked.labels, *offers))), asked.queues, asked.kinds, asked.slots or cores
    )


def _has(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ModuleNotFoundError:  # what it lies in is not there either
        return False


async def _only_new() -> int:
    return -1


@asynccontextmanager
async def _folders(folder: Path, attempts: Attempts, cache: Cache) -> AsyncIterator[None]:
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True, mode=0o700)
    with owned(folder):
        attempts.prepare()
        cache.prepare()
        yield
