"""The fieldbuses beside OPC UA: how MQTT and Modbus TCP are doing."""

from andon.contracts._message import Message, Time
from andon.contracts._subject import Event, Query


class GetFieldbusStatus(Message):
    pass


class MqttStatus(Message):
    """The publisher's connection to the operator's MQTT broker."""

    enabled: bool = False
    connected: bool = False
    endpoint: str = ""
    """Without user and password."""
    root: str = ""
    """The first levels of every topic."""
    published: int = 0
    """Parts and alerts that the broker confirmed since the service started."""
    waiting: int = 0
    """Parts and alerts at hand that it has not confirmed; what is behind them waits in the stream."""
    commands: bool = False
    """Whether commands are listened to."""
    last_published_at: Time | None = None
    last_error: str | None = None
    last_error_at: Time | None = None


class ModbusStatus(Message):
    """The Modbus TCP server."""

    enabled: bool = False
    running: bool = False
    endpoint: str = ""
    clients: int = 0
    """Connected now."""
    requests: int = 0
    """Answered since the service started, exceptions included."""
    refused: int = 0
    """Connections that were turned away since then: not allowed, or too many."""
    writes: bool = False
    """Whether clients may trigger and choose a station."""
    last_error: str | None = None
    last_error_at: Time | None = None


class FieldbusStatus(Message):
    mqtt: MqttStatus = MqttStatus()
    modbus: ModbusStatus = ModbusStatus()


STATUS = Query(
    "fieldbus.status.get.v1",
    GetFieldbusStatus,
    "Do MQTT and Modbus run, where, and what went wrong last.",
    said_by=("gateway",),
    heard_by=("opcua-bridge",),
    reply=FieldbusStatus,
)
CHANGED = Event(
    "fieldbus.status.changed.v1",
    FieldbusStatus,
    "A connection came or went, a client did, or something went wrong; counts are as of then.",
    said_by=("opcua-bridge",),
    heard_by=("gateway",),
)
