"""What happens, told live and replayed: server-sent events and a WebSocket with topics."""

from fastapi import APIRouter

from andon.gateway.cvlab.events import socket, stream
from andon.gateway.cvlab.events.names import Names
from andon.gateway.cvlab.events.shown import channels, repeats
from andon.gateway.realtime.calm import CalmFeed
from andon.messaging import Service

routes = APIRouter()
for module in (stream, socket):
    routes.include_router(module.routes)


def feed_of(bus: Service) -> CalmFeed:
    """Everything that helpers' dashboards hear."""
    names = Names(bus)
    return CalmFeed(bus, channels(names), inform=names.learn, repeats=repeats)
