"""The REST surface of visual inspection, version 1."""

from fastapi import APIRouter

from andon.gateway.visual_inspection import (
    active_learning,
    alerts,
    alerts_channels,
    alerts_rules,
    audit,
    auth,
    batch,
    camera,
    config,
    datasets,
    export,
    fieldbus,
    inspect,
    keys,
    models,
    opcua,
    openvino,
    query,
    records,
    reports,
    rollouts,
    stations,
    statistics,
    storage,
    system,
    training,
    users,
)

PREFIX = "/api/v1"


def routers() -> tuple[APIRouter, ...]:
    """Everything below /api/v1, then what lies outside of it."""
    api = APIRouter(prefix=PREFIX)
    for module in (
        auth,
        users,
        keys,
        audit,
        camera,
        batch,
        inspect,
        records,
        reports,
        export,
        storage,
        statistics,
        alerts,
        alerts_rules,
        alerts_channels,
        active_learning,
        datasets,
        models,
        rollouts,
        training,
        stations,
        fieldbus,
        config,
        query,
        openvino,
        opcua,
        system,
    ):
        api.include_router(module.routes)
    for router in (alerts.silences, alerts_channels.notices):
        api.include_router(router)
    return api, auth.public, records.public, system.public
