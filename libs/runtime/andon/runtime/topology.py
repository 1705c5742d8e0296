"""Declares the bus's streams and durables from this process's settings."""

import asyncio

from andon.messaging import declare_topology
from andon.runtime.settings import Settings


def main() -> None:
    """Declare them; idempotent. Raises Unavailable."""
    asyncio.run(declare_topology(Settings().bus))
