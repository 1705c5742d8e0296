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
    health,
    inspect,
    jobs,
    keys,
    models,
    opcua,
    openvino,
    query,
    records,
    reports,
    rollouts,
    search,
    sessions,
    stations,
    statistics,
    storage,
    system,
    training,
    users,
)

PREFIX = "/api/v1"


def add_to(api: APIRouter) -> None:
    """Everything below /api/v1, then what lies outside of it."""
    for module in (
        auth,
        users,
        keys,
        sessions,
        audit,
        camera,
        batch,
        inspect,
        search,
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
        jobs,
        health,
        system,
    ):
        api.include_router(module.routes, prefix=PREFIX)
    for router in (alerts.groups, alerts.silences, alerts_channels.notices, jobs.queues):
        api.include_router(router, prefix=PREFIX)
    for router in (auth.public, records.public, system.public):
        api.include_router(router)
