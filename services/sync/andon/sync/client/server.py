"""The server as the client sees it: every call goes on through outages, and may be sent again harmlessly."""

import asyncio
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote

import httpx
import xxhash
import zstandard

from andon.contracts.sync import CHUNK_BYTES, FileCheckpoint, SyncStatus

_OK, _CONFLICT, _MANY, _BROKEN = 200, 409, 429, 500
_FATAL = (401, 403)
_SAMPLE = 64 * 1024
_PAYS = 0.9
_LEAST = 512
"""Bytes below which packing is not tried."""


class Turned(Exception):
    """The server refuses this; a repeat would not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GaveUp(Exception):
    """The server stayed away for longer than one was willing to wait."""


@dataclass(frozen=True)
class Patience:
    """How long to rest after a failure (doubling, with jitter), and when to give up."""

    first: float = 1.0
    longest: float = 60.0
    total: float | None = None
    """Seconds of one outage; None waits forever."""

    def rest(self, failures: int) -> float:
        full = min(self.first * 2 ** min(failures - 1, 16), self.longest)
        return full * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not a secret


@dataclass(frozen=True)
class Told:
    """Where the server has a file after a chunk."""

    fits: bool
    generation: int
    size: int
    complete: bool
    share: float = 1.0
    """Of the chunk's bytes, that travelled."""


@dataclass
class Server:
    """One experiment on one server."""

    url: str
    key: str
    uid: str
    writer: str
    patience: Patience = Patience()
    on_wait: Callable[[str, float], None] = lambda _why, _seconds: None
    """Told why it waits and how many seconds."""
    sent: int = 0
    """Bytes of bodies that went out, as packed; repeats count."""
    _http: httpx.AsyncClient = field(init=False)

    async def __aenter__(self) -> Self:
        headers = {"Authorization": f"Bearer {self.key}", "X-Writer": self.writer}
        limits = httpx.Limits(max_connections=16, max_keepalive_connections=16)
        timeout = httpx.Timeout(connect=5, read=40, write=40, pool=60)
        self._http = httpx.AsyncClient(
            base_url=f"{self.url.rstrip('/')}/api/sync", headers=headers, limits=limits, timeout=timeout
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def register(self, host: str, code_version: str | None = None) -> SyncStatus:
        """Make the experiment known; its status."""
        body = {"uid": self.uid, "host": host, "code_version": code_version}
        return SyncStatus((await self._call("POST", "/experiments", json=body)).json()["status"])

    async def state(self, paths: Sequence[str], *, hashes: bool = False) -> dict[str, FileCheckpoint]:
        """What the server has of these files, by path; at most 1000."""
        body = {"paths": list(paths), "hashes": hashes}
        found = (await self._call("POST", f"/state/{self.uid}", json=body)).json()
        return {each["path"]: FileCheckpoint.model_validate(each) for each in found["files"]}

    async def chunk(self, path: str, generation: int, offset: int, data: bytes) -> Told:
        """Send a chunk, in halves where it stays too big for one request. Raises Turned, GaveUp."""
        packed, headers = await asyncio.to_thread(packed_of, data)
        if len(packed) > CHUNK_BYTES:
            half = len(data) // 2
            told = await self.chunk(path, generation, offset, data[:half])
            return await self.chunk(path, generation, offset + half, data[half:]) if told.fits else told
        query = {"generation": generation, "offset": offset, "length": len(data)}
        answer = await self._call(
            "PUT", f"/files/{self.uid}/{quote(path)}", params=query, content=packed, headers=headers
        )
        told = answer.json()
        fits = answer.status_code == _OK
        share = len(packed) / max(len(data), 1)
        return Told(fits, told["generation"], told["server_offset"], told["complete"], share)

    async def begin(
        self, path: str, size: int, block_bytes: int, blocks: Sequence[str]
    ) -> tuple[int, list[int]]:
        """The generation that was begun, and the numbers of the blocks to send."""
        body = {"size": size, "block_bytes": block_bytes, "blocks": list(blocks)}
        begun = (await self._call("POST", f"/begin/{self.uid}/{quote(path)}", json=body)).json()
        return begun["generation"], begun["missing"]

    async def pack(self, data: bytes) -> dict[str, str]:
        """Send small files; why some were refused, by path."""
        packed, headers = await asyncio.to_thread(packed_of, data)
        answer = await self._call(
            "POST", f"/pack/{self.uid}", params={"length": len(data)}, content=packed, headers=headers
        )
        return answer.json()["refused"]

    async def finish(
        self, files: Sequence[Mapping[str, Any]], *, last: bool, clean: bool, total: int
    ) -> dict[str, Any]:
        """Compare with what the server has: `status`, `needs_resync`, `checking`."""
        body = {"files": list(files), "last": last, "clean": clean, "total": total}
        return (await self._call("POST", f"/finish/{self.uid}", json=body)).json()

    async def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        failures, began = 0, 0.0
        while True:
            try:
                answer = await self._http.request(method, path, **request)
            except httpx.TransportError as error:
                why, wait = f"{type(error).__name__} {error}".strip(), None
            else:
                self.sent += len(request.get("content", b""))
                if answer.status_code != _MANY and answer.status_code < _BROKEN:
                    return _good(answer)
                why, wait = f"{answer.status_code} {_sentence(answer)}", _retry_after(answer)
            failures += 1
            began = began or time.monotonic()
            rest = self.patience.rest(failures) if wait is None else wait * random.uniform(1, 1.5)  # noqa: S311
            total = self.patience.total
            if total is not None and time.monotonic() - began + rest > total:
                raise GaveUp(f"the server is away: {why}")
            self.on_wait(why, rest)
            await asyncio.sleep(rest)


def packed_of(data: bytes) -> tuple[bytes, dict[str, str]]:
    """The bytes as they travel, packed where that pays, and the headers that go with them."""
    headers = {"X-Content-Hash": xxhash.xxh3_64_hexdigest(data), "Content-Type": "application/octet-stream"}
    packer = zstandard.ZstdCompressor(level=1)
    middle = len(data) // 2
    sample = data[middle : middle + _SAMPLE]
    if len(data) >= _LEAST and len(packer.compress(sample)) < _PAYS * len(sample):
        packed = packer.compress(data)
        if len(packed) < _PAYS * len(data):
            return packed, {**headers, "Content-Encoding": "zstd"}
    return data, headers


def _good(answer: httpx.Response) -> httpx.Response:
    if answer.status_code == _OK:
        return answer
    if answer.status_code == _CONFLICT and "server_offset" in answer.text:
        return answer
    raise Turned(answer.status_code, _sentence(answer))


def _sentence(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
        return str(detail.get("detail", detail) if isinstance(detail, dict) else detail)[:500]
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _retry_after(answer: httpx.Response) -> float | None:
    told = answer.headers.get("retry-after", "")
    return min(float(told), 60.0) if told.isdecimal() else None


def is_fatal(turned: Turned) -> bool:
    """No other request would fare better: the key is not good."""
    return turned.status in _FATAL
