"""Where the bus is and how much its streams may keep."""

from typing import Annotated

from pydantic import BaseModel, Field, SecretStr

MEBIBYTE = 1024**2


class StreamSettings(BaseModel):
    """What `declare_topology` gives the streams and durables; services read it back from the broker."""

    event_days: Annotated[float, Field(gt=0)] = 14
    """How long events can be replayed."""
    event_mebibytes: Annotated[int, Field(gt=0)] = 1024
    """Size of each context's event stream, of the feed and of the dead letters; the oldest go first."""
    command_mebibytes: Annotated[int, Field(gt=0)] = 256
    """Size of each context's command stream; when it is full, saying a command is refused."""
    frame_mebibytes: Annotated[int, Field(gt=0)] = 2048
    """Size of the frames that wait to be judged; when it is full, cameras are refused."""
    ack_seconds: Annotated[float, Field(gt=0)] = 30
    """How long after a hearer died its message goes to another."""
    deliveries: Annotated[int, Field(ge=2)] = 12
    """After so many deliveries without an answer a message is moved to the dead letters."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """Copies of each stream in a broker cluster."""


class BusSettings(BaseModel):
    """How to reach the broker."""

    url: str = "nats://127.0.0.1:4222"
    """One address, or several of a cluster with commas between."""
    user: str | None = None
    password: SecretStr | None = None
    name: str = ""
    """Shown in the broker's monitoring; by default the service's name."""
    connect_timeout: Annotated[float, Field(gt=0)] = 20
    """Seconds to wait at start for the broker and for declared durables."""
    say_timeout: Annotated[float, Field(gt=0)] = 10
    """Seconds over which `say` rides out a broker restart before it raises Unavailable."""
    streams: StreamSettings = StreamSettings()
