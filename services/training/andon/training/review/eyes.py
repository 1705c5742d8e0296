"""Asks a process of its own what parts look like, and lets it go when nobody has asked for a while."""

import asyncio
import json
import struct
import sys
from base64 import b64decode
from contextlib import suppress

import numpy as np

from andon.contracts.inspection import Inspection
from andon.storage import Blobs
from andon.telemetry import log
from andon.training.review.likeness import Look, spot_of

_SECONDS = 30.0
_LONGEST_LINE = 1 << 16

_log = log("andon.training.review")


class Eyes:
    """One child at most, one image at a time: a fraction of one core, and no memory while idle."""

    def __init__(self, blobs: Blobs, idle: float = 60.0) -> None:
        self._blobs = blobs
        self._idle = idle
        self._turn = asyncio.Lock()
        self._child: asyncio.subprocess.Process | None = None
        self._leave: asyncio.TimerHandle | None = None

    async def look(self, part: Inspection, *, whole: bool = False) -> Look | None:
        """At the worst spot if there is one, else at the whole part; None where that can't be.

        Raises NotFound (the image is gone) and Unavailable.
        """
        assert part.image is not None  # noqa: S101 - its callers leave out parts without
        data = await self._blobs.get(part.image.key)
        boxes = [] if whole else [(each.bbox, each.peak_score or each.confidence) for each in part.detections]
        box = spot_of(boxes, part.width, part.height) if boxes else None
        async with self._turn:
            try:
                async with asyncio.timeout(_SECONDS):
                    answer = await self._ask(box, data)
            except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
                _log.warning("nobody could look at a part", part=part.id, reason=repr(error))
                await self._end()
                return None
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for the next one's
                raise
        if "vector" not in answer:
            _log.warning("a part could not be looked at", part=part.id, reason=answer.get("refused"))
            return None
        vector = np.frombuffer(b64decode(answer["vector"]), np.float32)
        return Look("spot" if box else "part", vector)

    async def close(self) -> None:
        await self._end()

    async def _ask(self, box: list[int] | None, data: bytes) -> dict[str, str]:
        if self._leave:
            self._leave.cancel()
        child = self._child
        if child is None or child.returncode is not None:
            child = self._child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "andon.training.review.eye", limit=_LONGEST_LINE,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
        assert child.stdin is not None  # noqa: S101 - asked for above
        assert child.stdout is not None  # noqa: S101 - the same
        about = json.dumps(box).encode()
        child.stdin.write(struct.pack(">II", len(about), len(data)) + about)
        child.stdin.write(data)
        await child.stdin.drain()
        line = await child.stdout.readuntil()
        loop = asyncio.get_running_loop()
        self._leave = loop.call_later(self._idle, lambda: self._rest(child))
        return json.loads(line)

    def _rest(self, child: asyncio.subprocess.Process) -> None:
        if child.stdin and child is self._child and not self._turn.locked():
            self._child = None
            child.stdin.close()  # it ends when its input does

    async def _end(self) -> None:
        if self._leave:
            self._leave.cancel()
        child, self._child = self._child, None
        if child is not None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
