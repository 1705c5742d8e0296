"""Uploaded archives: their images come out, and what such archives are misused for does not."""

import gzip
import io
import os
import stat
import struct
import tarfile
import zipfile
from functools import partial
from typing import Any

import pytest

from andon.contracts import Invalid, TooLarge, UnsupportedMedia
from andon.inspection.adapters.archives import Limits, unpack
from andon.inspection.domain.batch import matching

LIMITS = Limits(files=10, unpacked=100 << 20)
EVERY = matching("*")
NOISE = os.urandom(2000)


def zipped(files, kind=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", kind) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def tarred(files, mode: Any = "w", sort=tarfile.REGTYPE, target=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = sort, target
            info.size = len(data) if sort == tarfile.REGTYPE else 0
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


@pytest.fixture
def unpacked(tmp_path):
    """Unpacks bytes; gives the images by name, and leaves nothing behind on refusal."""

    def run(data, limits=LIMITS, wanted=EVERY):
        archive, into = tmp_path / "upload", tmp_path / "jobs" / "job"
        archive.write_bytes(data)
        try:
            names = unpack(archive, into, limits, wanted)
        except Exception:
            assert list((tmp_path / "jobs").iterdir()) == []
            raise
        return {name: (into / str(index)).read_bytes() for index, name in enumerate(names)}

    return run


GOOD = [("a.jpg", b"A" * 3000), ("deep/b.PNG", NOISE)]


@pytest.mark.parametrize(
    "data",
    [zipped(GOOD), zipped(GOOD, zipfile.ZIP_STORED), tarred(GOOD), tarred(GOOD, "w:gz")],
    ids=["zip", "stored zip", "tar", "tar.gz"],
)
def test_images_come_out_as_they_went_in(unpacked, data):
    assert unpacked(data) == dict(GOOD)


def test_what_is_no_image_stays_inside(unpacked):
    files = [
        ("a.jpg", b"A"),
        ("notes.txt", b"x"),
        (".DS_Store", b"x"),
        ("__MACOSX/._a.jpg", b"x"),
        ("d/", b""),
    ]
    assert unpacked(zipped(files)) == {"a.jpg": b"A"}
    assert unpacked(zipped(GOOD), wanted=matching("*.png")) == {"deep/b.PNG": NOISE}


def encrypted():
    data = bytearray(zipped([("a.jpg", b"A")]))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    return bytes(data)


def linked_zip():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("a.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


BAD = {
    "no archive": (b"\xff\xd8\xff" + NOISE, UnsupportedMedia, "neither zip nor tar"),
    "empty file": (b"", UnsupportedMedia, "neither"),
    "empty zip": (zipped([]), Invalid, "no image"),
    "empty tar": (bytes(10240), UnsupportedMedia, "neither"),
    "no images": (zipped([("a.txt", b"x")]), Invalid, "no image"),
    "up and out": (zipped([("../../a.jpg", b"x")]), Invalid, "leads out"),
    "absolute": (tarred([("/etc/a.jpg", b"x")]), Invalid, "leads out"),
    "backslashes": (zipped([("..\\a.jpg", b"x")]), Invalid, "leads out"),
    "drive": (zipped([("C:a.jpg", b"x")]), Invalid, "leads out"),
    "control characters": (tarred([("a\nb.jpg", b"x")]), Invalid, "characters"),
    "symlink in tar": (tarred([("a.jpg", b"")], sort=tarfile.SYMTYPE, target="/etc/passwd"), Invalid, "link"),
    "hard link in tar": (tarred([("a.jpg", b"")], sort=tarfile.LNKTYPE, target="b.jpg"), Invalid, "link"),
    "device in tar": (tarred([("a.jpg", b"")], sort=tarfile.CHRTYPE), Invalid, "device"),
    "pipe in tar": (tarred([("a.jpg", b"")], sort=tarfile.FIFOTYPE), Invalid, "device"),
    "symlink in zip": (linked_zip(), Invalid, "link"),
    "encrypted": (encrypted(), Invalid, "encrypted"),
    "archive of archives": (
        zipped([("a.jpg", b"x"), ("inner.zip", zipped(GOOD))]),
        Invalid,
        "archive itself",
    ),
    "other packing": (zipped(GOOD, zipfile.ZIP_LZMA), Invalid, "packed in a way"),
    "twice": (tarred([("a.jpg", b"1"), ("a.jpg", b"2")]), Invalid, "twice"),
    "cut zip": (zipped([("a.jpg", NOISE)])[:1000], Invalid, "damaged"),
    "cut tar": (tarred([("a.jpg", NOISE)])[:1000], Invalid, "damaged"),
    "cut tar.gz": (tarred([("a.jpg", NOISE)], "w:gz")[:500], Invalid, "damaged"),
    "damaged zip": (zipped([("a.jpg", NOISE)]).replace(NOISE[500:700], bytes(200)), Invalid, "damaged"),
    "too many images": (zipped([(f"{n}.jpg", b"x") for n in range(11)]), TooLarge, "more than 10 images"),
    "too many entries": (zipped([(f"{n}.txt", b"x") for n in range(41)]), TooLarge, "entries"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_with_an_archive_is_said(unpacked, case):
    data, error, why = BAD[case]
    with pytest.raises(error, match=why):
        unpacked(data)


@pytest.mark.parametrize("packed", [zipped, partial(tarred, mode="w:gz")], ids=["zip", "tar.gz"])
def test_a_bomb_is_refused_while_it_goes_off(unpacked, packed):
    zeros = bytes(15 << 20)
    with pytest.raises(TooLarge, match="than images ever do"):
        unpacked(packed([(f"{n}.bmp", zeros) for n in range(6)]))
    with pytest.raises(TooLarge, match="more than 20 MB"):
        unpacked(packed([(f"{n}.bmp", zeros) for n in range(2)]), Limits(files=10, unpacked=20 << 20))


def test_a_member_that_lies_about_its_size_is_counted_by_what_comes_out(unpacked):
    data = bytearray(zipped([("a.bmp", bytes(15 << 20)), ("b.bmp", bytes(15 << 20))]))
    for name in (b"a.bmp", b"b.bmp"):
        central = data.index(b"PK\x01\x02", data.rindex(name) - 60)
        data[central + 24 : central + 28] = struct.pack("<I", 100)
    with pytest.raises((TooLarge, Invalid)):
        unpacked(bytes(data), Limits(files=10, unpacked=20 << 20))


def test_an_archives_own_bookkeeping_can_not_fill_the_memory(unpacked):
    note = tarfile.TarInfo("x")
    note.type, note.size = tarfile.XHDTYPE, 64 << 20
    data = note.tobuf(tarfile.USTAR_FORMAT) + bytes(64 << 20)
    with pytest.raises((TooLarge, Invalid), match=r"table of contents|than images ever do"):
        unpacked(gzip.compress(data, 1))
    many = bytearray(zipped([("a.jpg", b"x")]))
    end = many.rindex(b"PK\x05\x06")
    many[end:end] = bytes(9 << 20)
    end = many.rindex(b"PK\x05\x06")
    many[end + 12 : end + 16] = struct.pack("<I", 9 << 20)
    with pytest.raises(Invalid, match=r"table of contents|damaged"):
        unpacked(bytes(many))


def test_an_image_above_20_mb_is_cut_and_left_to_the_judge(unpacked):
    found = unpacked(zipped([("a.bmp", NOISE * 11000)], zipfile.ZIP_STORED))
    assert len(found["a.bmp"]) == (20 << 20) + 1
