"""The OPC UA bridge's own state."""

from andon.contracts._message import Message
from andon.contracts._subject import Query


class GetStatus(Message):
    pass


class Status(Message):
    """Live state of the OPC UA server."""

    enabled: bool
    running: bool
    endpoint: str
    station_count: int
    nodes: tuple[str, ...]
    """station/<id> for each station, then SystemStatus."""


STATUS = Query(
    "opcua.server.status.v1",
    GetStatus,
    "Is SCADA being served, where and with what.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=Status,
)
