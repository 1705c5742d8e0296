"""How every server and every service is doing, as the gateway finds them when it is asked."""

import asyncio
import time
from collections.abc import Awaitable, Mapping
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel

from andon.contracts import (
    Message,
    Query,
    Refused,
    alerting,
    auth,
    component,
    learning,
    opcua,
    queue,
    runtime,
    sync,
)
from andon.gateway.context import Here
from andon.gateway.principal import MayView
from andon.gateway.realtime.wellbeing import Look
from andon.messaging import Service
from andon.storage import Blobs, Mongo

routes = APIRouter(tags=["system"])

_PATIENCE = 3.0

QUESTIONS: Mapping[str, tuple[Query[Any, Any], Message]] = {
    "auth": (auth.KEYS, auth.GetKeys()),
    "inspection": (runtime.STATUS, runtime.GetStatus()),
    "training": (learning.LIST, learning.ListRuns(limit=1)),
    "alerting": (alerting.LIST, alerting.ListAlerts(limit=1)),
    "queue": (queue.SETTINGS_GET, queue.GetSettings()),
    "sync": (sync.LIST, sync.ListExperiments(limit=1)),
    "component-store": (component.LIST, component.ListComponents(limit=1)),
    "opcua-bridge": (opcua.STATUS, opcua.GetStatus()),
}
"""A question that costs each service little, and that only one that works can answer."""


class PartView(BaseModel):
    name: str
    kind: Literal["server", "service"]
    well: bool
    seconds: float
    """Until it answered, or until it was given up."""
    why: str = ""
    """What is wrong with it."""


class PartsView(BaseModel):
    parts: list[PartView]


@routes.get("/health/parts")
async def parts(_who: MayView, here: Here) -> PartsView:
    """Asks each server and each service something, all at once, and says who answered within 3 s."""
    return await found(here.bus, here.mongo, here.blobs)


async def looked(bus: Service, mongo: Mongo, blobs: Blobs) -> Look:
    """The same, for whoever looks again and again."""
    view = await found(bus, mongo, blobs)
    return Look(shown=view.model_dump(mode="json"), well={part.name: part.well for part in view.parts})


async def found(bus: Service, mongo: Mongo, blobs: Blobs) -> PartsView:
    """Each server and each service; nothing is raised."""
    servers = {"bus": bus.ping(), "database": mongo.ping(), "objects": blobs.ping()}
    services = {
        name: bus.ask(query, message, timeout=_PATIENCE) for name, (query, message) in QUESTIONS.items()
    }
    each = await asyncio.gather(
        *(_part(name, "server", ping) for name, ping in servers.items()),
        _part("gateway", "service", asyncio.sleep(0)),
        *(_part(name, "service", answer) for name, answer in services.items()),
    )
    return PartsView(parts=list(each))


async def _part(name: str, kind: Literal["server", "service"], asking: Awaitable[Any]) -> PartView:
    began = time.monotonic()
    why = ""
    try:
        async with asyncio.timeout(_PATIENCE):
            await asking
    except TimeoutError:
        why = f"no answer within {_PATIENCE:g} s"
    except Refused as refused:
        why = str(refused)
    return PartView(name=name, kind=kind, well=not why, seconds=round(time.monotonic() - began, 4), why=why)
