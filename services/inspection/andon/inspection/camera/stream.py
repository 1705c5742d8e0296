"""A video stream or a camera at this machine, watched by a thread that keeps up with its newest frame."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from andon.contracts import Unavailable

QUALITY = 95
"""Of the JPEG that is judged and kept."""
_FIRST_REST, _LONGEST_REST = 0.25, 10.0
"""Seconds between two tries to open a camera that is away; somebody who asks for a picture ends the rest."""

Picture = NDArray[np.uint8]


@dataclass
class _Wish:
    """Somebody waits for the next frame."""

    loop: asyncio.AbstractEventLoop
    picture: "asyncio.Future[Picture]"

    def grant(self, picture: Picture) -> None:
        self.loop.call_soon_threadsafe(self._grant, picture)

    def _grant(self, picture: Picture) -> None:
        if not self.picture.done():
            self.picture.set_result(picture)


@dataclass(eq=False)
class Stream:
    """Opens in a thread of its own, reads on so that no old frame waits anywhere, opens again after breaks.

    A picture is the next frame after it was asked for; frames that nobody asked for are decoded no further
    than the codec needs.
    """

    address: str | int
    """A URL, or the number of a camera at this machine."""
    seconds: float = 5.0
    """How long opening and reading may take."""
    reason: str = "it has not answered yet"
    """Why there is no picture now, without the address."""
    opened: int = 0
    """How often it was opened."""
    _wishes: list[_Wish] = field(default_factory=list[_Wish])
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _wanted: threading.Event = field(default_factory=threading.Event)
    _ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        cv2.utils.logging.setLogLevel(0)  # it writes addresses, with their passwords, to stderr
        # A daemon: a camera that hangs inside its driver doesn't hold up the end of the process.
        self._thread = threading.Thread(target=self._watch, name="camera", daemon=True)
        self._thread.start()

    async def picture(self, seconds: float) -> bytes:
        """The next frame as JPEG. Raises Unavailable after that many seconds without one."""
        loop = asyncio.get_running_loop()
        wish = _Wish(loop, loop.create_future())
        with self._lock:
            self._wishes.append(wish)
            self._wanted.set()
        try:
            async with asyncio.timeout(seconds):
                frame = await wish.picture
        except TimeoutError:
            raise Unavailable(f"no picture within {seconds:g} s: {self.reason}") from None
        finally:
            with self._lock:
                self._wishes = [each for each in self._wishes if each is not wish]
        return await asyncio.to_thread(encoded, frame)

    async def close(self) -> None:
        """Let the camera go; waits a moment for the thread."""
        self._ended.set()
        self._wanted.set()
        await asyncio.to_thread(self._thread.join, 2.0)

    def _watch(self) -> None:
        rest = _FIRST_REST
        while not self._ended.is_set():
            capture = self._open()
            try:
                seen = capture.isOpened() and self._read_on(capture)
            finally:
                capture.release()
            rest = _FIRST_REST if seen else min(2 * rest, _LONGEST_REST)
            self.reason = "its stream broke off" if seen else "it can't be opened"
            self._rest(rest)

    def _open(self) -> "cv2.VideoCapture":
        if isinstance(self.address, int):
            return cv2.VideoCapture(self.address, cv2.CAP_V4L2)
        limit = int(self.seconds * 1000)
        patience = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, limit, cv2.CAP_PROP_READ_TIMEOUT_MSEC, limit]
        return cv2.VideoCapture(self.address, cv2.CAP_FFMPEG, patience)

    def _read_on(self, capture: "cv2.VideoCapture") -> bool:
        """Read until it breaks off; whether there was a frame."""
        self.opened += 1
        seen = False
        while not self._ended.is_set() and capture.grab():
            seen = True
            if self._wanted.is_set():
                self._wanted.clear()
                self._grant_all(*capture.retrieve())
        return seen

    def _grant_all(self, good: bool, frame: Any) -> None:
        if not good:
            self._wanted.set()  # the next one may be
            return
        with self._lock:
            wishes, self._wishes = self._wishes, []
        for wish in wishes:
            wish.grant(frame)

    def _rest(self, seconds: float) -> None:
        # At least the first rest is kept, or a caller in a hurry would hammer a camera that is away.
        self._ended.wait(_FIRST_REST)
        with self._lock:
            if not self._wishes and not self._ended.is_set():
                self._wanted.clear()  # those who wanted a picture have given up
        self._wanted.wait(max(0.0, seconds - _FIRST_REST))


def encoded(frame: Any) -> bytes:
    """A BGR or grey frame as JPEG."""
    return cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


@dataclass(eq=False)
class Streams:
    """The streams that are open now, each shared by whoever looks through it."""

    clock: Callable[[], float]
    idle: float = 300.0
    """Seconds after its last picture that a stream stays open."""
    _open: dict[str | int, Stream] = field(default_factory=dict[str | int, Stream])
    _used: dict[str | int, float] = field(default_factory=dict[str | int, float])

    async def picture(self, address: str | int, seconds: float) -> bytes:
        """The next frame. Raises Unavailable."""
        stream = self._open.get(address)
        if stream is None:
            stream = self._open[address] = Stream(address, seconds)
        self._used[address] = self.clock()
        return await stream.picture(seconds)

    async def close_idle(self) -> None:
        """Let go of what nobody looked through for a while."""
        for address, used in tuple(self._used.items()):
            if self.clock() - used > self.idle:
                await self.close(address)

    async def close(self, address: str | int) -> None:
        """Harmless where it is not open."""
        stream = self._open.pop(address, None)
        self._used.pop(address, None)
        if stream is not None:
            await stream.close()

    async def close_all(self) -> None:
        await asyncio.gather(*(self.close(address) for address in tuple(self._open)))
