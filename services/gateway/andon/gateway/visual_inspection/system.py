"""How the system itself is doing."""

import asyncio
from typing import Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from andon.contracts import Unavailable, opcua
from andon.gateway.context import Here
from andon.gateway.principal import MayView

routes = APIRouter(tags=["system"])
public = APIRouter(tags=["system"])
"""Outside of /api/v1."""

_PATIENCE = 2.0


class HealthView(BaseModel):
    status: Literal["healthy", "degraded"]
    """degraded: the gateway answers, but the bus behind it is away."""
    version: str


@routes.get("/health")
@public.get("/health")
async def health(here: Here) -> HealthView:
    """Whether Andon can be used. Needs no token."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await here.bus.ping()
    except (TimeoutError, Unavailable):
        return HealthView(status="degraded", version=here.version)
    return HealthView(status="healthy", version=here.version)


@public.get("/metrics", response_class=Response)
async def metrics(_who: MayView) -> Response:
    """The gateway's own counters for Prometheus; each service has its own beside its health port."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@routes.get("/opcua/status")
async def opcua_status(_who: MayView, here: Here) -> opcua.Status:
    """Whether SCADA is being served, where and with what."""
    try:
        return await here.bus.ask(opcua.STATUS, opcua.GetStatus(), timeout=_PATIENCE)
    except Unavailable:
        return opcua.Status(enabled=False, running=False, endpoint="", station_count=0, nodes=())
