"""Puts shots on the bus at a set rate and remembers what was known about them."""

import asyncio
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

from andon.contracts import Unavailable
from andon.contracts.inspection import FRAME_CAPTURED, FrameCaptured
from andon.inspection.camera.shot import Shot, Source, Truth

if TYPE_CHECKING:
    from andon.messaging import Service

LONGEST_WAIT = 5.0
"""Seconds between two tries while the bus takes no frames."""


@dataclass(frozen=True)
class Sent:
    """A frame that the bus has accepted."""

    frame_id: str
    station_id: str
    part_id: str
    truth: Truth | None
    truth_class: str
    captured_at: datetime
    size: int
    """Bytes."""
    number: int
    """From 1, of this feed."""


@dataclass
class Fed:
    """Everything a feed has sent, for holding judgements against what the camera knew."""

    run: str
    frames: dict[str, Sent] = field(default_factory=dict[str, Sent])
    """By frame id, in the order of sending."""

    @property
    def truth(self) -> dict[str, Truth | None]:
        """By part id."""
        return {sent.part_id: sent.truth for sent in self.frames.values()}


def silent(_: object) -> None:
    """Tells nobody."""


async def feed(  # noqa: PLR0913 - by name, but for the first three
    bus: "Service",
    source: Source,
    station: str,
    *,
    rate: float = 0.0,
    count: int | None = None,
    run: str | None = None,
    sent: Callable[[Sent], None] = silent,
    waits: Callable[[str], None] = silent,
) -> Fed:
    """Publish the next `count` shots of a source (None: all that come) and say what was sent.

    `rate` is in parts a second; 0 is as fast as the camera and the bus can. Frame ids start with `run`, so
    that another run's frames are other frames. While the bus takes nothing (it is full, or away) the feed
    waits, tells `waits` why, and sends the same frame again: none is left out. Another feed of the same
    source goes on where this one ended.
    """
    fed = Fed(run or secrets.token_hex(4))
    shots = islice(source, count)
    upcoming = asyncio.create_task(asyncio.to_thread(next, shots, None))
    try:
        due = time.monotonic()
        while (shot := await upcoming) is not None:
            last = count is not None and len(fed.frames) + 1 >= count
            if not last:
                upcoming = asyncio.create_task(asyncio.to_thread(next, shots, None))
            due = await _paced(due, rate)
            frame = await _send(bus, shot, station, f"{fed.run}-{len(fed.frames) + 1:06d}", waits)
            fed.frames[frame.frame_id] = frame
            sent(frame)
            if last:
                break
    finally:
        upcoming.cancel()
    return fed


async def _paced(due: float, rate: float) -> float:
    """Wait until a frame is due; gives the time of the next one. Time lost in a wait is not caught up."""
    if rate <= 0:
        return due
    await asyncio.sleep(max(0.0, due - time.monotonic()))
    return max(due, time.monotonic() - 1 / rate) + 1 / rate


async def _send(
    bus: "Service", shot: Shot, station: str, frame_id: str, waits: Callable[[str], None]
) -> Sent:
    captured_at = datetime.now(UTC)
    message = FrameCaptured(
        station_id=station,
        part_id=shot.part_id,
        frame_id=frame_id,
        captured_at=captured_at,
        content_type=shot.content_type,
    )
    number, delay = int(frame_id.rpartition("-")[2]), 0.25
    while True:
        try:
            await bus.say(FRAME_CAPTURED, message, once=frame_id, body=shot.data)
        except Unavailable as away:
            waits(str(away))
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_WAIT)
        else:
            break
    return Sent(
        frame_id, station, shot.part_id, shot.truth, shot.truth_class, captured_at, len(shot.data), number
    )
