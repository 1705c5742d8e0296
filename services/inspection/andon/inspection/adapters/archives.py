"""Unpacks the images of an uploaded zip or tar archive, and refuses what such archives are misused for."""

import gzip
import os
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from andon.contracts import Invalid, TooLarge, Unavailable, UnsupportedMedia
from andon.inspection.domain.batch import IMAGES, is_sayable
from andon.serving import MAX_BYTES

_ARCHIVES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst"})
_PIECE = 1 << 16
_HEADER = 8 << 20
"""Longest piece of an archive's own bookkeeping that is read into memory at once."""
_MEMBERS_PER_FILE = 4
"""Folders and notes that may lie beside each image that may be in an archive."""


@dataclass(frozen=True)
class Limits:
    """How much an archive may turn into."""

    files: int
    unpacked: int
    """Bytes of all members together."""
    ratio: int = 200
    """Unpacked bytes for each packed one, above the first 64 MB: images hardly shrink."""


@dataclass
class _Meter:
    """Counts what comes out of an archive while it does."""

    limits: Limits
    packed: int
    unpacked: int = 0
    members: int = 0

    def count(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > self.limits.unpacked:
            raise TooLarge(f"archive: it unpacks to more than {self.limits.unpacked / 2**20:g} MB")
        if self.unpacked > (64 << 20) + self.packed * self.limits.ratio:
            raise TooLarge("archive: it unpacks to far more than images ever do")

    def member(self) -> None:
        self.members += 1
        if self.members > self.limits.files * _MEMBERS_PER_FILE:
            raise TooLarge(f"archive: it has far more entries than the {self.limits.files} files of a job")


@dataclass(frozen=True)
class _Member:
    """A file in an archive, ready to be read once."""

    name: str
    content: "_Capped | IO[bytes]"


@dataclass
class _Capped:
    """A file whose single reads are bounded: an archive can't make its reader take gigabytes at once."""

    file: IO[bytes] | gzip.GzipFile
    meter: _Meter | None = None
    """Counts what is read, where that is what unpacking gives."""

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(_HEADER + 1 if size < 0 else min(size, _HEADER + 1))
        if len(data) > _HEADER:
            raise Invalid("archive: its table of contents is larger than any archive of images has")
        if self.meter:
            self.meter.count(len(data))
        return data

    def seek(self, place: int, whence: int = os.SEEK_SET) -> int:
        if self.meter is None:
            return self.file.seek(place, whence)
        if whence != os.SEEK_SET or place < self.file.tell():
            raise Invalid("archive: it can't be read in order")
        while (rest := place - self.file.tell()) > 0 and self.read(min(rest, _PIECE)):
            pass
        return self.file.tell()

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        """The file is closed by who opened it."""


def unpack(archive: Path, into: Path, limits: Limits, wanted: re.Pattern[str]) -> list[str]:
    """Put the archive's images as `into/0`, `into/1`, ...; returns their names in that order.

    All or nothing: the folder appears once everything is there. Raises UnsupportedMedia (no archive),
    Invalid (damaged, dangerous, without images), TooLarge (a bomb) and Unavailable (disk full).
    """
    scratch = into.with_name(f"{into.name}.part")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        names = _unpack(archive, scratch, limits, wanted)
        shutil.rmtree(into, ignore_errors=True)
        scratch.rename(into)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        zlib.error,
        EOFError,
        gzip.BadGzipFile,
        ValueError,
    ) as error:
        raise Invalid(f"archive: it is damaged: {error}") from error
    except (NotImplementedError, RuntimeError) as error:
        raise Invalid(f"archive: it is packed in a way that is not read here: {error}") from error
    except OSError as error:
        raise Unavailable(f"the archive can't be unpacked: {error.strerror or error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return names


def _unpack(archive: Path, into: Path, limits: Limits, wanted: re.Pattern[str]) -> list[str]:
    meter, names = _Meter(limits, archive.stat().st_size), list[str]()
    seen: set[str] = set()
    with archive.open("rb") as file, closing(_members(file, meter)) as members:
        for member in members:
            if not wanted.match(PurePosixPath(member.name).name):
                continue
            if member.name in seen:
                raise Invalid(f"archive: '{member.name}' is in it twice")
            if len(names) == limits.files:
                raise TooLarge(f"archive: it has more than {limits.files} images; split it into several jobs")
            _copy(member.content, into / str(len(names)))
            seen.add(member.name)
            names.append(member.name)
    if not names:
        raise Invalid("archive: there is no image in it that file_pattern matches")
    return names


def _members(file: IO[bytes], meter: _Meter) -> Generator[_Member]:
    start = file.read(512)
    file.seek(0)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _of_zip(file, meter)
    if start.startswith(b"\x1f\x8b"):
        return _of_tar(gzip.GzipFile(fileobj=file), meter)
    if start[257:262] == b"ustar":
        return _of_tar(file, meter)
    raise UnsupportedMedia("archive: it is neither zip nor tar (plain or gzip)")


def _of_zip(file: IO[bytes], meter: _Meter) -> Generator[_Member]:
    with zipfile.ZipFile(_Capped(file)) as archive:  # pyright: ignore[reportArgumentType] - all that it reads by
        for info in archive.infolist():
            meter.member()
            mode = info.external_attr >> 16
            plain = info.is_dir() or stat.S_IFMT(mode) in {0, stat.S_IFREG}
            if not _is_image(info.filename, plain=plain, folder=info.is_dir()):
                continue
            if info.flag_bits & 1:
                raise Invalid(f"archive: '{info.filename}' is encrypted")
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise Invalid(f"archive: '{info.filename}' is packed in a way that is not read here")
            with archive.open(info) as content:
                yield _Member(info.filename, _Capped(content, meter))


def _of_tar(file: IO[bytes] | gzip.GzipFile, meter: _Meter) -> Generator[_Member]:
    with tarfile.open(fileobj=_Capped(file, meter), mode="r:") as archive:  # pyright: ignore[reportArgumentType, reportCallIssue] - the same
        while (info := archive.next()) is not None:
            archive.members = []  # pyright: ignore[reportAttributeAccessIssue] - else it remembers each
            meter.member()
            if not _is_image(info.name, plain=info.isdir() or info.isreg(), folder=info.isdir()):
                continue
            if (content := archive.extractfile(info)) is not None:
                yield _Member(info.name.removeprefix("./"), content)


def _is_image(name: str, *, plain: bool, folder: bool) -> bool:
    """Whether to unpack a member. Raises Invalid for what an archive of images has no reason to hold."""
    shown = name[:200].encode(errors="backslashreplace").decode()
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise Invalid(f"archive: '{shown}' leads out of the archive")
    if not is_sayable(name):
        raise Invalid(f"archive: the name {shown!r} has characters that no file name should have")
    if not plain:
        raise Invalid(f"archive: '{shown}' is a link or a device, not a file")
    if folder or any(part.startswith((".", "__MACOSX")) for part in path.parts if part != "."):
        return False
    if path.suffix.lower() in _ARCHIVES:
        raise Invalid(f"archive: '{shown}' is an archive itself; put the images straight into one")
    return path.suffix.lower() in IMAGES


def _copy(content: _Capped | IO[bytes], to: Path) -> None:
    """Write at most one byte more than an image may have: judging then says that it is too large."""
    left = MAX_BYTES + 1
    with to.open("xb") as file:
        while left and (piece := content.read(min(_PIECE, left))):
            file.write(piece)
            left -= len(piece)
