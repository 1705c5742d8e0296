"""The REST surface of the ML worker API: tasks, experiments and what they begin with, below /v1."""

from collections.abc import Mapping

from fastapi import APIRouter

from andon.gateway.ml_worker import again, archives, experiments, live, notebooks, tasks

PREFIX = "/v1"

CHANNELS = live.CHANNELS
"""What clients of /ws are told."""


def body_bytes_below(archive_bytes: int) -> Mapping[str, int]:
    """Largest body by the beginning of a path, where the usual one would not do."""
    return {f"{PREFIX}{path}": archive_bytes for path in archives.UPLOADS}


def add_to(api: APIRouter) -> None:
    """Everything below /v1, then what lies outside of it."""
    for module in (tasks, again, experiments, archives, notebooks):
        api.include_router(module.routes, prefix=PREFIX, tags=["ml worker"])
    api.include_router(live.routes)
