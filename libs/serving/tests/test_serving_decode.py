"""Images are decoded as they are, or refused with the right reason before they cost anything."""

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from andon.contracts import Invalid, Refused, TooLarge, UnsupportedMedia
from andon.contracts.station import Region
from andon.serving import MAX_BYTES, decode, decode_full, look


def picture(width: int = 640, height: int = 480) -> Image.Image:
    """A red gradient from left to right, a green one from top to bottom."""
    rows, columns = np.mgrid[0:height, 0:width]
    red, green = columns * 255 // (width - 1), rows * 255 // (height - 1)
    return Image.fromarray(np.stack([red, green, np.full_like(red, 60)], axis=2).astype(np.uint8))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    stream = io.BytesIO()
    (image or picture()).save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("kind", "media"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
    ],
)
def test_each_format_gives_the_same_picture_and_its_original_size(kind: str, media: str) -> None:
    decoded = decode(encoded(kind))

    assert (decoded.width, decoded.height, decoded.media_type) == (640, 480, media)
    seen = look(decoded.pixels).astype(int)
    assert seen.shape == (256, 256, 3)
    assert np.abs(seen - look(np.asarray(picture()))).max() < 12


def test_a_large_jpeg_is_decoded_no_larger_than_needed() -> None:
    decoded = decode(encoded("JPEG", picture(1280, 1024)))

    assert decoded.pixels.shape == (256, 320, 3)
    assert (decoded.width, decoded.height) == (1280, 1024)


def test_a_region_keeps_as_many_pixels_as_a_whole_picture_would() -> None:
    region = Region(x=0.5, y=0.5, width=0.25, height=0.25)

    decoded = decode(encoded("JPEG", picture(2048, 2048)), region=region)

    assert decoded.pixels.shape[:2] == (1024, 1024)
    assert look(decoded.pixels, region)[128, 128, 0] == pytest.approx(255 * 0.625, abs=4)


def test_every_pixel_is_there_for_measuring() -> None:
    assert decode_full(encoded("JPEG", picture(1280, 1024))).pixels.shape == (1024, 1280, 3)


def test_a_region_may_reach_over_the_edge() -> None:
    assert look(np.zeros((100, 100, 3), np.uint8), Region(x=0.9, y=0.9, width=0.5, height=0.5)).shape == (
        256,
        256,
        3,
    )


def test_a_picture_of_one_pixel_can_be_looked_at() -> None:
    assert look(decode(encoded("PNG", picture(2, 2).crop((0, 0, 1, 1)))).pixels).shape == (256, 256, 3)


def sixteen_bit() -> Image.Image:
    return Image.fromarray(np.full((300, 300), 0x80FF, np.uint16))


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (lambda: encoded("JPEG", Image.new("L", (300, 300), 128)), (128, 128, 128)),
        (lambda: encoded("PNG", Image.new("L", (300, 300), 128)), (128, 128, 128)),
        (lambda: encoded("PNG", Image.new("1", (300, 300), 1)), (255, 255, 255)),
        (lambda: encoded("PNG", sixteen_bit()), (128, 128, 128)),
        (lambda: encoded("TIFF", sixteen_bit()), (128, 128, 128)),
        (lambda: encoded("PNG", Image.new("RGBA", (300, 300), (10, 20, 30, 0))), (10, 20, 30)),
        (lambda: encoded("PNG", picture().quantize(8).convert("P")), None),
        (lambda: encoded("JPEG", Image.new("CMYK", (300, 300), (0, 255, 255, 0))), (254, 0, 0)),
        (lambda: encoded("JPEG", progressive=True), None),
    ],
    ids=[
        "grey jpeg",
        "grey png",
        "1 bit",
        "16-bit png",
        "16-bit tiff",
        "alpha",
        "palette",
        "cmyk",
        "progressive",
    ],
)
def test_every_kind_of_pixel_becomes_rgb(
    data: Callable[[], bytes], expected: tuple[int, int, int] | None
) -> None:
    pixels = decode(data()).pixels

    assert pixels.dtype == np.uint8
    assert pixels.shape[2] == 3
    if expected:
        assert np.abs(pixels[10, 10].astype(int) - expected).max() <= 2


def test_exif_orientation_is_ignored() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees

    decoded = decode(encoded("JPEG", picture(640, 320), exif=exif))

    assert (decoded.width, decoded.height) == (640, 320)


def png_bomb() -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", 10_000, 10_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(1000)))
        + chunk(b"IEND", b"")
    )


def jpeg_bomb() -> bytes:
    """A JPEG whose header says 10,000 x 10,000 pixels."""
    data = bytearray(encoded("JPEG", picture(64, 64)))
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 10_000, 10_000)
    return bytes(data)


def many_scans() -> bytes:
    return encoded("JPEG", progressive=True) + b"\xff\xda" * 200


def cut(kind: str, share: float) -> Callable[[], bytes]:
    return lambda: (whole := encoded(kind))[: int(len(whole) * share)]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (lambda: b"", Invalid, "empty"),
        (lambda: b"hello, I am no image", UnsupportedMedia, "not a JPEG"),
        (lambda: b"GIF89a" + bytes(100), UnsupportedMedia, "not a JPEG"),
        (lambda: b"%PDF-1.7" + bytes(100), UnsupportedMedia, "not a JPEG"),
        (lambda: b"\xff\xd8" + bytes(100), Invalid, "damaged or incomplete"),
        (lambda: b"\xff\xd8", Invalid, "damaged or incomplete"),
        (lambda: b"BM", Invalid, "damaged or incomplete"),
        (lambda: b"\xff\xd8\xff" + bytes(MAX_BYTES), TooLarge, "at most"),
        (png_bomb, TooLarge, "50 megapixels"),
        (jpeg_bomb, TooLarge, "10000 x 10000 pixels; at most 50 megapixels"),
        (many_scans, TooLarge, "scans"),
        (lambda: encoded("BMP", Image.new("1", (8000, 7000))), TooLarge, "8000 x 7000"),
        (lambda: encoded("TIFF", Image.new("F", (300, 300))), UnsupportedMedia, "32 bits"),
        *[(cut(kind, share), Invalid, "damaged or incomplete")
          for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP") for share in (0.02, 0.5, 0.97)],
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused_with_its_reason(
    data: Callable[[], bytes], error: type[Refused], says: str
) -> None:
    with pytest.raises(error, match=says):
        decode(data())


@pytest.mark.parametrize("missing", [1, 2, 3, 10, 100, 1000])
def test_a_jpeg_that_lacks_its_end_is_never_half_grey(missing: int) -> None:
    data = cv2.imencode(".jpg", np.asarray(picture(1280, 1024)), [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()

    with pytest.raises(Invalid, match="damaged or incomplete"):
        decode(data[:-missing])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # Pillow's remarks on damaged TIFF tags
def test_damaged_bytes_are_decoded_or_refused_but_never_break() -> None:
    generator = np.random.default_rng(0)
    for kind in ("JPEG", "PNG", "BMP", "TIFF", "WEBP"):
        whole = np.frombuffer(encoded(kind, picture(64, 48)), np.uint8)
        for _ in range(60):
            data = whole.copy()
            data[generator.integers(2, len(data), 8)] = generator.integers(0, 256, 8)
            try:
                assert decode(data.tobytes()).pixels.shape[2] == 3
            except Refused:
                continue
