"""Writes a dataset version as a zip, piece by piece: one image is in memory, and nothing on disk."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from hashlib import sha256

from andon.contracts import Unavailable
from andon.contracts.annotation import Verdict
from andon.contracts.dataset import Format, Manifest, Sample
from andon.datasets import _coco, _mvtec, _voc, _yolo

_SUFFIX = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/bmp": "bmp",
    "image/tiff": "tif",
    "image/webp": "webp",
}
_WHEN = (2000, 1, 1, 0, 0, 0)
"""The time of every member, so that the same version is the same zip."""
_AHEAD = 4

Fetch = Callable[[str], Awaitable[bytes]]
"""The bytes behind an object key."""


async def written(manifest: Manifest, form: Format, fetch: Fetch) -> AsyncIterator[bytes]:
    """The archive's bytes. Raises what `fetch` raises, and Unavailable for an image that has changed."""
    placed = form is Format.MVTEC
    samples = [
        (sample, f"{sample.sha256[:24]}.{_SUFFIX.get(sample.content_type, 'bin')}")
        for sample in manifest.samples
        if placed or sample.shapes or sample.verdict is Verdict.GOOD
    ]
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w") as archive:  # pyright: ignore[reportArgumentType] - it only writes
        for path, text in _label_files(form, samples, len(manifest.samples)):
            _put(archive, path, text.encode(), packed=True)
            if pipe.size > 1 << 16:
                yield pipe.taken()
        async for (sample, name), data in _ahead(samples, fetch):
            if sha256(data).hexdigest() != sample.sha256:
                raise Unavailable(f"the image {sample.key} is not what the dataset version says")
            for path, content in await asyncio.to_thread(_files_of, form, sample, name, data):
                _put(archive, path, content, packed=False)
            yield pipe.taken()
    yield pipe.taken()


def _label_files(form: Format, samples: list[tuple[Sample, str]], total: int) -> Iterator[tuple[str, str]]:
    if len(samples) < total:
        left = total - len(samples)
        yield "LEFT-OUT.txt", f"{left} defects without a marked place: here they would pass for good.\n"
    match form:
        case Format.COCO:
            yield from _coco.label_files(samples)
        case Format.YOLO:
            yield from _yolo.label_files(samples)
        case Format.VOC:
            yield from _voc.label_files(samples)
        case Format.MVTEC:
            pass


def _files_of(form: Format, sample: Sample, name: str, data: bytes) -> list[tuple[str, bytes]]:
    match form:
        case Format.COCO:
            return [(_coco.image_path(sample, name), data)]
        case Format.YOLO:
            return [(_yolo.image_path(sample, name), data)]
        case Format.VOC:
            return [(_voc.image_path(sample, name), data)]
        case Format.MVTEC:
            mask = _mvtec.mask_of(sample, name)
            return [(_mvtec.image_path(sample, name), data), *([mask] if mask else [])]


async def _ahead(
    samples: list[tuple[Sample, str]], fetch: Fetch
) -> AsyncIterator[tuple[tuple[Sample, str], bytes]]:
    """In order, a few fetched while the one before is sent."""
    under_way: list[asyncio.Task[bytes]] = []
    try:
        for number, each in enumerate(samples):
            for sample, _ in samples[number + len(under_way) : number + _AHEAD]:
                under_way.append(asyncio.ensure_future(_fetched(fetch, sample.key)))
            yield each, await under_way.pop(0)
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


async def _fetched(fetch: Fetch, key: str) -> bytes:
    return await fetch(key)


def _put(archive: zipfile.ZipFile, path: str, data: bytes, *, packed: bool) -> None:
    info = zipfile.ZipInfo(path, _WHEN)
    info.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    archive.writestr(info, data)


class _Pipe(io.RawIOBase):
    """What was written and not taken yet; it can't be wound back."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        self.size += len(data)
        return len(data)

    def taken(self) -> bytes:
        data = b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return data
