"""Which services are installed, found without importing them."""

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from andon.runtime.application import ServiceDefinition

_GROUP = "andon.services"
"""Entry points that name a service's `ServiceDefinition`."""


def service_names() -> list[str]:
    """The services that are installed."""
    return sorted({point.name for point in entry_points(group=_GROUP)})


def definition_of(name: str) -> "ServiceDefinition":
    """Load a service. Raises LookupError when it is not installed."""
    for point in entry_points(group=_GROUP, name=name):
        return point.load()
    raise LookupError(f"there is no service {name!r}; installed are {', '.join(service_names())}")
