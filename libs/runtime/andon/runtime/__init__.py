"""Runs services: settings, start and stop in order, health, and the stack on one machine."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from andon.runtime._optional import optional
    from andon.runtime._serving import Running, serving
    from andon.runtime.application import Application, Check, ServiceDefinition
    from andon.runtime.settings import HealthSettings, HttpSettings, Settings

__all__ = [
    "Application", "Check", "HealthSettings", "HttpSettings", "Running", "ServiceDefinition", "Settings",
    "optional", "serving",
]  # fmt: skip

_HOME = {
    "Application": "application", "Check": "application", "ServiceDefinition": "application",
    "Running": "_serving", "serving": "_serving", "optional": "_optional",
    "HealthSettings": "settings", "HttpSettings": "settings", "Settings": "settings",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported on first use: `andon --help` and the parent of the embedded stack need no broker's client.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
