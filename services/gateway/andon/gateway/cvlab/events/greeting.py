"""What both kinds of connections say of themselves, and how they are told what is asked for."""

import json
from datetime import UTC, datetime
from typing import Any

from andon.contracts import FEED, BadRequest
from andon.gateway.context import Gateway
from andon.gateway.realtime.feed import Notice

_DIGITS = 20
"""More than any place has."""


def greeting() -> str:
    """The first message of every connection."""
    return _said({"type": "connection", "message": "Connected to Andon"})


def heartbeat() -> str:
    """Sent while nothing happens."""
    return _said({"type": "heartbeat"})


def placed(notice: Notice) -> str:
    """A message with its place in the event log, to come back with."""
    return f'{{"id":{notice.sequence},{notice.body[1:]}' if notice.sequence else notice.body


def place_in(text: str) -> int | None:
    """None for nothing. Raises BadRequest for what is no place."""
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) < _DIGITS):
        raise BadRequest(
            "Last-Event-ID: it is a number that an event had as its id.", {"Last-Event-ID": "not a number"}
        )
    return int(text)


async def start_of(here: Gateway, after: int | None) -> int:
    """Where to begin telling: after what the client saw, else with what is new. Raises Unavailable."""
    last = await here.bus.last_sequence(FEED)
    if after is None:
        return last
    return after if after <= last else 0  # the log began anew: everything in it is news


def _said(message: dict[str, Any]) -> str:
    return json.dumps({**message, "timestamp": datetime.now(UTC).isoformat()}, separators=(",", ":"))
