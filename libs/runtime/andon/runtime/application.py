"""What a service is made of, for the runtime to start and stop."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

from andon.messaging import Service
from andon.runtime.settings import Settings

Check = Callable[[], Awaitable[None]]
"""Raises when what it looks at is not well."""


@dataclass
class Application:
    """A service's parts. Nothing in here is connected yet."""

    bus: Service
    checks: Mapping[str, Check] = field(default_factory=dict[str, Check])
    """Pings by the name of the dependency; the bus is always pinged."""
    resources: Sequence[AbstractAsyncContextManager[Any]] = ()
    """Entered in order before the bus starts, left in reverse after it stopped.

    One that raises Unavailable is entered again until it succeeds."""
    http: Any | None = None
    """An ASGI application, served in the same event loop."""
    http_host: str = "127.0.0.1"
    http_port: int = 0
    http_drain: float = 3.0
    """Seconds that open requests and streams have to end at a stop."""
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Long-running tasks, started after the bus, cancelled at the stop; one that fails ends the service."""


@dataclass(frozen=True)
class ServiceDefinition:
    """A service by name; `build` puts it together and connects nothing."""

    name: str
    settings: type[Settings]
    build: Callable[[Any], Application]
