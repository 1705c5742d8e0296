"""A camera on the network as tests need it: MJPEG streams and snapshots over HTTP, broken on demand."""

import asyncio
from dataclasses import dataclass, field
from typing import Self

import cv2
import numpy as np


def jpeg(level: int, size: tuple[int, int] = (160, 128)) -> bytes:
    """A plain grey picture."""
    return cv2.imencode(".jpg", np.full((size[1], size[0], 3), level, np.uint8))[1].tobytes()


def level_of(data: bytes) -> int:
    """The grey level of a picture's middle."""
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    return int(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2])


@dataclass
class CameraServer:
    """Answers /stream with what `picture` is at that moment, 25 times a second, and what `answers` has."""

    picture: bytes = field(default_factory=lambda: jpeg(100))
    answers: dict[str, bytes] = field(default_factory=dict)
    """Whole HTTP responses by path."""
    requests: list[str] = field(default_factory=list)
    """Their heads."""
    frames: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    streams: int = 0
    """How many clients watch."""
    _serving: "dict[asyncio.Task[None], asyncio.StreamWriter]" = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """As if its plug was pulled."""
        assert self._server
        self._server.close()
        serving = dict(self._serving)
        for task, writer in serving.items():
            writer.transport.abort()
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, path: str, user: str = "") -> str:
        return f"http://{user}{'@' if user else ''}127.0.0.1:{self.port}{path}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._serving[task] = writer
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            path = head.split()[1].partition("?")[0]
            if path == "/stream":
                await self._stream(writer)
            elif path == "/silent":
                await reader.read()
            elif path == "/trickle":
                await self._trickle(writer)
            else:
                writer.write(self.answers.get(path) or ok(self.picture))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client, or the test, is gone
        finally:
            del self._serving[task]
            writer.close()

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        self.streams += 1
        try:
            await self._frames(writer)
        finally:
            self.streams -= 1

    async def _frames(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
        while True:
            part = b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
            writer.write(part % (len(self.picture), self.picture))
            await writer.drain()
            self.frames += 1
            await asyncio.sleep(0.04)

    async def _trickle(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)


def ok(data: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    """A whole response."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\nConnection: close\r\n{headers}\r\n".encode()
        + data
    )
