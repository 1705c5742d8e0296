"""A zip of images and labels, opened with care: what such archives are misused for is refused."""

import re
import stat
import zipfile
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from andon.contracts import Invalid, TooLarge, UnsupportedMedia

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_MOST_AT_ONCE = 16 << 20
"""Longest piece of an archive's own bookkeeping that is read into memory at once."""
_PIECE = 1 << 16
_FREE = 64 << 20
"""Unpacked bytes that may come of however few packed ones."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may turn into."""

    files: int = 50_000
    image: int = 20 << 20
    """Bytes of one image."""
    labels: int = 64 << 20
    """Bytes of one file of labels."""
    unpacked: int = 4 << 30
    """Bytes of all that is read."""
    ratio: int = 200
    """Unpacked bytes for each packed one, above the first 64 MB: images hardly shrink."""


class Archive:
    """Its files by name, each read whole and within the limits."""

    def __init__(self, source: zipfile.ZipFile, packed: int, limits: Limits) -> None:
        self._source = source
        self._packed = packed
        self._limits = limits
        self._unpacked = 0
        self._files = _files(source, limits)
        self.names = sorted(self._files)
        """Of plain files, as paths with `/`; without hidden ones."""
        self.images = [name for name in self.names if PurePosixPath(name).suffix.lower() in IMAGES]

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def image(self, name: str) -> bytes:
        """Raises TooLarge and Invalid (damaged), naming the file."""
        return self._read(name, self._limits.image)

    def labels(self, name: str) -> str:
        """Raises TooLarge and Invalid (damaged, not text), naming the file."""
        try:
            return self._read(name, self._limits.labels).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise Invalid(f"archive: '{shown(name)}' is not UTF-8 text") from None

    def _read(self, name: str, most: int) -> bytes:
        data = bytearray()
        try:
            with self._source.open(self._files[name]) as file:
                while piece := file.read(_PIECE):
                    data += piece
                    self._unpacked += len(piece)
                    self._check(name, len(data), most)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise Invalid(f"archive: '{shown(name)}' is damaged: {error}") from error
        return bytes(data)

    def _check(self, name: str, size: int, most: int) -> None:
        if size > most:
            raise TooLarge(f"archive: '{shown(name)}' is larger than {most / 2**20:g} MB")
        if self._unpacked > self._limits.unpacked:
            raise TooLarge(f"archive: it unpacks to more than {self._limits.unpacked / 2**20:g} MB")
        if self._unpacked > _FREE + self._packed * self._limits.ratio:
            raise TooLarge("archive: it unpacks to far more than images ever do")


class _Capped:
    """A file whose single reads are bounded: a table of contents can't take gigabytes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell, self.close = file.seek, file.tell, file.close

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(_MOST_AT_ONCE + 1 if size < 0 else min(size, _MOST_AT_ONCE + 1))
        if len(data) > _MOST_AT_ONCE:
            raise TooLarge("archive: its table of contents is larger than any archive of images has")
        return data


@contextmanager
def opened(path: Path, limits: Limits) -> Generator[Archive]:
    """Raises UnsupportedMedia (no zip), Invalid (damaged, dangerous) and TooLarge."""
    with path.open("rb") as file:
        if file.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
            raise UnsupportedMedia("archive: it is not a zip")
    try:
        with path.open("rb") as file, zipfile.ZipFile(_Capped(file)) as source:  # pyright: ignore[reportArgumentType] - all that it reads by
            yield Archive(source, path.stat().st_size, limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError) as error:
        raise Invalid(f"archive: it is damaged: {error}") from error


def _files(source: zipfile.ZipFile, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    if len(source.infolist()) > limits.files:
        raise TooLarge(f"archive: it has more than {limits.files} entries")
    found: dict[str, zipfile.ZipInfo] = {}
    for info in source.infolist():
        name = _checked(info)
        if info.is_dir() or any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(name).parts):
            continue
        if name in found:
            raise Invalid(f"archive: '{shown(name)}' is in it twice")
        found[name] = info
    return found


def _checked(info: zipfile.ZipInfo) -> str:
    """The entry's path. Raises Invalid for what an archive of images has no reason to hold."""
    name, path = info.filename, PurePosixPath(info.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise Invalid(f"archive: '{shown(name)}' leads out of the archive")
    if not name.isprintable() or len(name) > 1000:  # noqa: PLR2004 - longer than any path
        raise Invalid(f"archive: the name '{shown(name)}' has characters that no file name should have")
    if not info.is_dir() and stat.S_IFMT(info.external_attr >> 16) not in {0, stat.S_IFREG}:
        raise Invalid(f"archive: '{shown(name)}' is a link or a device, not a file")
    if info.flag_bits & 1:
        raise Invalid(f"archive: '{shown(name)}' is encrypted")
    if path.suffix.lower() in _ARCHIVES:
        raise Invalid(f"archive: '{shown(name)}' is an archive itself")
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Invalid(f"archive: '{shown(name)}' is packed in a way that is not read here")
    return str(path)


def shown(name: str) -> str:
    """A name from outside, fit for a message."""
    return name[:200].encode("unicode_escape").decode() if not name.isprintable() else name[:200]
