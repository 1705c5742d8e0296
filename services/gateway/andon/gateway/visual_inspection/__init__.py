"""The REST surface of visual inspection, version 1."""

from fastapi import APIRouter

from andon.gateway.visual_inspection import (
    alerts,
    auth,
    inspect,
    models,
    records,
    stations,
    statistics,
    system,
)

PREFIX = "/api/v1"


def routers() -> tuple[APIRouter, ...]:
    """Everything below /api/v1, then what lies outside of it."""
    api = APIRouter(prefix=PREFIX)
    for module in (auth, inspect, records, statistics, alerts, models, stations, system):
        api.include_router(module.routes)
    return api, records.public, system.public
