"""Small pictures of large ones, made when they are first wanted and kept in memory while there is room."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from io import BytesIO

from PIL import Image

from andon.contracts import NotFound

SIDE = 256
"""Pixels of the longer side, at most."""
_AT_ONCE = 2
"""Pictures that are decoded at the same time: each may take 150 MB."""


def small(data: bytes, side: int = SIDE, quality: int = 80) -> bytes:
    """The picture as a JPEG of at most so many pixels a side; a JPEG is scaled down while it is decoded.

    Raises NotFound for what can't be decoded.
    """
    try:
        with Image.open(BytesIO(data)) as image:
            image.draft("RGB", (side, side))
            shown = _rgb(image)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise NotFound("What is kept of this part can't be shown as an image.") from error
    shown.thumbnail((side, side))
    out = BytesIO()
    shown.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits: what is shown is the high byte, as the inspector sees it
        image = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    return image.convert("RGB")


@dataclass(eq=False)
class Thumbnails:
    """Thumbnails by the key of their original."""

    max_bytes: int = 32 << 20
    _made: OrderedDict[str, bytes] = field(default_factory=OrderedDict[str, bytes])
    _size: int = 0
    _making: "dict[str, asyncio.Task[bytes]]" = field(default_factory=dict)
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def of(self, key: str, read: Callable[[str], Awaitable[bytes]]) -> bytes:
        """The thumbnail of what `read` gives. Raises what it raises, and NotFound for no image."""
        if (made := self._made.get(key)) is not None:
            self._made.move_to_end(key)
            return made
        making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(key, read))
            making.add_done_callback(lambda done: self._finished(key, done))
        # Whoever asked first may leave; others may wait for the same picture.
        return await asyncio.shield(making)

    def forget(self, key: str) -> None:
        self._size -= len(self._made.pop(key, b""))

    def forget_all(self) -> None:
        self._made.clear()
        self._size = 0

    async def _make(self, key: str, read: Callable[[str], Awaitable[bytes]]) -> bytes:
        async with self._room:
            return await asyncio.to_thread(small, await read(key))

    def _finished(self, key: str, done: "asyncio.Task[bytes]") -> None:
        del self._making[key]
        if done.cancelled() or done.exception() is not None:
            return
        self.forget(key)
        self._made[key] = done.result()
        self._size += len(done.result())
        while self._size > self.max_bytes:
            _, oldest = self._made.popitem(last=False)
            self._size -= len(oldest)
