"""The whole of Andon on one machine: servers and services under one parent."""

from andon.runtime.up._lock import InUse
from andon.runtime.up._stack import StartFailed, UpOptions, up

__all__ = ["InUse", "StartFailed", "UpOptions", "up"]
