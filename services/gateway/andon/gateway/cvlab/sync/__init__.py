"""Files of experiments: sent in chunks, read while they grow, compared at the end."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from andon.contracts import Event, sync
from andon.gateway.cvlab.sync import reading, sending, wire
from andon.gateway.realtime.feed import Channel

routes = APIRouter(prefix="/sync", tags=["sync"])
for module in (sending, reading, wire):
    routes.include_router(module.routes)

CHANNELS: Mapping[Event[Any], Channel] = {
    sync.FILE_CHANGED: Channel("run_update", lambda found: found.model_dump(mode="json")),
    sync.EXPERIMENT_CHANGED: Channel("sync_status", lambda found: found.model_dump(mode="json")),
}
"""What dashboards are told."""
UNRECORDED = (*sending.UNRECORDED, *reading.UNRECORDED, *wire.UNRECORDED)
"""Routes by their method: what they change tells sync itself, file by file."""
BODY_BYTES_BELOW = {
    "/sync/": sync.CHUNK_BYTES + (1 << 20),
    "/sync/experiment/": wire.DELTA_BYTES + (1 << 20),
    "/sync/run/": wire.DELTA_BYTES + (1 << 20),
}
"""Largest body by the beginning of a path; the longest that fits counts."""
