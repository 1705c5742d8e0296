"""The REST surface for training clusters' helpers and their workers, below /api."""

from fastapi import APIRouter

from andon.gateway.cvlab import bundles, components, devices, events, jobs, manifests, source, sync
from andon.gateway.cvlab.events import feed_of as feed_of

PREFIX = "/api"

CHANNELS = {**components.CHANNELS, **sync.CHANNELS}
"""What dashboards are told."""
UNRECORDED = frozenset(
    f"POST {PREFIX}{path}" for path in (*components.QUESTIONS, *manifests.QUESTIONS, *bundles.QUESTIONS)
) | frozenset(
    f"{method} {PREFIX}{path}"
    for method, path in (
        route.split(" ") for route in (*sync.UNRECORDED, *devices.UNRECORDED, *jobs.UNRECORDED)
    )
)
"""Questions that need a body and change nothing; what workers send all the time, that histories tell of."""
BODY_BYTES = {f"{PREFIX}/components/versions/upload": components.UPLOAD_ROOM}
"""Largest body by path, where the usual one would not do."""
BODY_BYTES_BELOW = {f"{PREFIX}{path}": room for path, room in sync.BODY_BYTES_BELOW.items()}
"""The same, by the beginning of a path."""


def add_to(api: APIRouter) -> None:
    """Everything below /api; routes with fixed words stand before those that take any."""
    for module in (components, manifests, bundles, source, sync, devices, jobs, events):
        api.include_router(module.routes, prefix=PREFIX)
