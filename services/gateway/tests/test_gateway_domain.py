"""Media types by bytes, image names and signatures."""

from io import BytesIO

import pytest
from PIL import Image

from andon.gateway.domain import ImageName, Picture, Signature, sniff

NAME = ImageName("6f1c", Picture.ORIGINAL, "png")


@pytest.mark.parametrize("form", ["jpeg", "png", "bmp", "tiff", "webp"])
def test_what_is_taken_is_known_by_its_bytes(form):
    buffer = BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, form)
    assert sniff(buffer.getvalue()) == f"image/{form}"


@pytest.mark.parametrize("data", [b"", b"BM", b"BM is how this text begins", b"GIF89a", b"<svg/>", b"%PDF"])
def test_what_is_no_image_we_take_has_no_type(data):
    assert sniff(data) is None


@pytest.mark.parametrize("name", [NAME, ImageName("a-b_c", Picture.ANNOTATED, "jpg")])
def test_an_image_name_reads_back(name):
    assert ImageName.parsed(str(name)) == name


@pytest.mark.parametrize(
    "text", ["", "x", "../etc/passwd.jpg", "a.exe", "a.original.jpg", "a/b.jpg", "a" * 65 + ".jpg"]
)
def test_other_names_are_no_image(text):
    assert ImageName.parsed(text) is None


def test_a_signature_holds_for_its_image_and_its_time_alone():
    signature = Signature(b"key", window=100)
    query = dict(pair.split("=") for pair in signature.query(NAME, now=1050).split("&"))
    expires, signed = int(query["expires"]), query["signature"]
    assert expires == 1200
    assert signature.holds(NAME, expires, signed, now=1199)
    assert not signature.holds(NAME, expires, signed, now=1200)
    assert not signature.holds(NAME, expires + 1, signed, now=1199)
    assert not signature.holds(ImageName("6f1c", Picture.ANNOTATED), expires, signed, now=1199)
    assert not Signature(b"other").holds(NAME, expires, signed, now=1199)
    assert not signature.holds(NAME, expires, "ümlaut", now=1199)


def test_an_address_stays_the_same_for_a_while_so_that_browsers_can_cache():
    signature = Signature(b"key", window=100)
    early, late, after = (signature.query(NAME, now) for now in (1000, 1099, 1100))
    assert early == late != after
