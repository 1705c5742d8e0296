"""What MQTT subscribers are told: topics, and small payloads as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal
from urllib.parse import quote, unquote

from pydantic import ValidationError

from andon.contracts import Label, Message
from andon.contracts.alerting import Alert
from andon.contracts.inspection import Inspection
from andon.opcua_bridge.domain.lines import WINDOW_MINUTES, StationState, pass_rate

GREEN_FROM, AMBER_FROM = 95.0, 85.0
"""Percent of passed parts."""
MOST_DETECTIONS = 16
"""Regions of a part that are told; objects_found says how many there are."""
LONGEST_COMMAND = 4096
"""Bytes."""

ONLINE, OFFLINE = "online", "offline"

_PART_FIELDS = (
    "id", "frame_id", "station_id", "part_id", "decision", "confidence", "anomaly_score", "uncertain_above",
    "fail_above", "objects_found", "model_version", "recipe_revision", "captured_at", "judged_at",
)  # fmt: skip
_DETECTION_FIELDS = ("class_name", "confidence", "bbox", "area_px", "area_mm2")


class Colour(StrEnum):
    """The light over a station."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"


class Command(Message):
    """What a station's command topic takes."""

    command: Literal["trigger"]
    """Take a picture with the station's camera and judge it."""
    part_id: Label | None = None
    id: Label | None = None
    """Comes back with the result. The same one again is the same picture: it gets the same record."""


class NotACommand(Exception):
    """A payload that is no command; the text names the field."""


@dataclass(frozen=True)
class Topics:
    """Topics below a root; a station's id is one level of them, whatever it contains."""

    root: str

    @property
    def status(self) -> str:
        """Whether Andon itself is there."""
        return f"{self.root}/status"

    @property
    def commands(self) -> str:
        """What to subscribe to for the commands of all stations."""
        return f"{self.root}/+/command"

    def of(self, station_id: str | None, noun: str) -> str:
        """The topic of a station's status, inspection, alert or command; of the line's without a station."""
        return f"{self.root}/{noun}" if station_id is None else f"{self.root}/{_level(station_id)}/{noun}"

    def station_of(self, command_topic: str) -> str:
        """Whom a command is for."""
        return unquote(command_topic.removeprefix(f"{self.root}/").removesuffix("/command"))


def colour(percent: float) -> Colour:
    """Of a pass rate."""
    if percent >= GREEN_FROM:
        return Colour.GREEN
    return Colour.AMBER if percent >= AMBER_FROM else Colour.RED


def presence(state: str) -> bytes:
    """What the root's status says; also the last will."""
    return _json({"state": state})


def status(station: StationState, now: datetime, *, state: str = ONLINE, incomplete: bool = False) -> bytes:
    """A station's counts and light; pass_rate is 0 to 1 over the last hour, null before the first part."""
    rate, last = pass_rate(station, now), station.last
    return _json(
        {
            "station_id": station.id,
            "state": state,
            "total": station.passed + station.failed + station.uncertain,
            "passed": station.passed,
            "failed": station.failed,
            "uncertain": station.uncertain,
            "incomplete": incomplete,
            "pass_rate": None if rate is None else round(rate.percent / 100, 6),
            "window_minutes": WINDOW_MINUTES,
            "current": rate is not None and rate.current,
            "colour": None if rate is None else colour(rate.percent),
            "last_decision": None if last is None else last.decision,
            "last_inspection_at": None if last is None else last.at.isoformat(),
        }
    )


def inspection(part: Inspection) -> bytes:
    """A judged part, without images."""
    return _json(part_values(part))


def part_values(part: Inspection) -> dict[str, Any]:
    """The same before it is JSON."""
    said = part.model_dump(mode="json", include=set(_PART_FIELDS))
    shown = [
        each.model_dump(mode="json", include=set(_DETECTION_FIELDS))
        for each in part.detections[:MOST_DETECTIONS]
    ]
    return {**said, "total_ms": part.times.total_ms, "detections": shown}


def alert(said: Alert) -> bytes:
    """An alert as it is now: open, acknowledged or resolved."""
    return _json(said.model_dump(mode="json"))


def command(payload: bytes) -> Command:
    """Raises NotACommand."""
    if len(payload) > LONGEST_COMMAND:
        raise NotACommand(f"a command is {LONGEST_COMMAND} bytes at most")
    try:
        return Command.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(each) for each in first["loc"]) or "command"
        raise NotACommand(f"{where}: {first['msg']}") from error


def done(asked: Command, part: Inspection) -> bytes:
    """The answer to a command that was carried out."""
    return _json({"ok": True, "command": asked.command, "id": asked.id, "inspection": part_values(part)})


def not_done(asked: Command | None, code: str, message: str) -> bytes:
    """The answer to one that was not."""
    what, key = (asked.command, asked.id) if asked else (None, None)
    return _json({"ok": False, "command": what, "id": key, "error": {"code": code, "message": message}})


def _level(station_id: str) -> str:
    # A name needs no escape; what else says parts on the bus might, and `a/b` or `+` would be other topics.
    return quote(station_id, safe="") or "%"


def _json(values: Mapping[str, Any]) -> bytes:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
