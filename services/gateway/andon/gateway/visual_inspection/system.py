"""How the system itself is doing."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel

from andon.contracts import Unavailable
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.principal import MayView

routes = APIRouter(tags=["system"])
public = APIRouter(tags=["system"])
"""Outside of /api/v1."""

_PATIENCE = 2.0


class HealthView(BaseModel):
    status: Literal["healthy", "degraded"]
    """degraded: the gateway answers, but the bus behind it is away."""
    version: str
    timestamp: datetime
    app_name: str = "andon"


@routes.get("/health")
@public.get("/health")
async def health(here: Here) -> HealthView:
    """Whether Andon can be used. Needs no token."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await here.bus.ping()
    except (TimeoutError, Unavailable):
        return HealthView(status="degraded", version=here.version, timestamp=datetime.now(UTC))
    return HealthView(status="healthy", version=here.version, timestamp=datetime.now(UTC))


_PROMETHEUS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"text/plain": {"schema": {"type": "string"}}},
        "description": "In Prometheus's format.",
    }
}


@public.get("/metrics", response_class=Response, responses=_PROMETHEUS | may(503))
async def metrics(_who: MayView) -> Response:
    """The gateway's own counters for Prometheus; each service has its own beside its health port."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
