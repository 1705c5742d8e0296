"""Small pictures, reports, holds and storage, as clients see them."""

import io

import pytest
from PIL import Image

from andon.contracts import Conflict, inspection
from andon.gateway.report import rendered, shown
from andon.gateway.thumbnails import Thumbnails, small
from andon.storage import Blobs
from andon.testing import build, eventually

KEPT = build.stored_image(key="evidence/o", content_type="image/png", sha256="a" * 64)
RECORD = build.inspection(image=KEPT)


def picture(size=(1000, 500), kind="JPEG", mode="RGB", colour: str | int = "red") -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind)
    return out.getvalue()


@pytest.fixture
async def blobs(settings):
    async with Blobs(settings.s3) as blobs:
        yield blobs


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "TIFF", "WEBP"])
def test_a_thumbnail_is_a_small_jpeg_of_the_same_picture(kind):
    with Image.open(io.BytesIO(small(picture(kind=kind)))) as made:
        assert (made.format, made.size) == ("JPEG", (256, 128))
        assert made.getpixel((128, 64)) == pytest.approx((254, 0, 0), abs=4)


def test_sixteen_bits_are_shown_by_their_high_byte():
    with Image.open(io.BytesIO(small(picture(kind="PNG", mode="I;16", colour=200 * 256)))) as made:
        assert made.getpixel((9, 9)) == pytest.approx((200, 200, 200), abs=2)


async def test_thumbnails_are_made_once_and_take_no_more_memory_than_allowed():
    reads = []

    async def read(key):
        reads.append(key)
        return picture((300, 300))

    size = len(small(picture((300, 300))))
    kept = Thumbnails(max_bytes=2 * size)
    for key in ("a", "a", "b", "c", "b", "a"):
        assert len(await kept.of(key, read)) == size
    assert reads == ["a", "b", "c", "a"]
    kept.forget("a")
    await kept.of("a", read)
    assert reads[4:] == ["a"]


async def test_a_thumbnail_is_shown_by_its_signed_address_alone(client, stranger, line, blobs):
    line.answers[inspection.LIST] = inspection.Inspections(total=1, items=(RECORD,))
    await blobs.put("evidence/o", picture(kind="PNG"), "image/png")
    [found] = (await client.get("/api/v1/inspections")).json()["items"]
    answer = await stranger.get(found["thumbnail"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert Image.open(io.BytesIO(answer.content)).size == (256, 128)
    assert (await stranger.get(found["thumbnail"].replace(".thumbnail", ""))).status_code == 401
    assert (await client.get(f"/api/v1/images/{RECORD.id}/thumbnail")).content == answer.content
    # Nothing was drawn over this one: what is shown in place of it is the image.
    assert (await stranger.get(found["annotated_url"])).content == picture(kind="PNG")


async def test_what_is_no_image_has_no_thumbnail(client, line, blobs):
    line.answers[inspection.GET] = RECORD
    await blobs.put("evidence/o", b"no image", "image/png")
    assert (await client.get(f"/api/v1/images/{RECORD.id}/thumbnail")).status_code == 404


async def test_a_cleanup_elsewhere_lets_go_of_what_is_remembered(client, line, blobs):
    line.answers[inspection.GET] = RECORD
    await blobs.put("evidence/o", picture(kind="PNG"), "image/png")
    path = f"/api/v1/images/{RECORD.id}/thumbnail"
    assert (await client.get(path)).status_code == 200
    line.answers[inspection.GET] = build.inspection()
    await blobs.delete("evidence/o")
    await line.bus.say(inspection.EVIDENCE_REMOVED, removed())

    async def gone():
        return (await client.get(path)).status_code == 404

    await eventually(gone)


async def test_a_report_holds_what_the_record_says(client, line, blobs):
    found = inspection.Detection(class_name="scratch", confidence=0.93, bbox=(1, 2, 3, 4), area_px=77)
    drawn = build.stored_image(key="evidence/a")
    line.answers[inspection.GET] = RECORD.model_copy(update={"detections": (found,), "annotated": drawn})
    await blobs.put("evidence/o", picture(kind="PNG"), "image/png")
    await blobs.put("evidence/a", picture(colour="blue"))
    answer = await client.get(f"/api/v1/inspect/{RECORD.id}/report.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")
    assert answer.content.count(b"/Subtype /Image") == 2


async def test_a_report_without_images_and_of_an_unknown_part(client, line):
    assert (await client.get("/api/v1/inspect/none/report.pdf")).status_code == 404
    line.answers[inspection.GET] = RECORD  # its image is gone
    answer = await client.get(f"/api/v1/inspect/{RECORD.id}/report.pdf")
    assert (answer.status_code, b"/Subtype /Image" in answer.content) == (200, False)


def test_characters_that_the_font_lacks_are_shown_by_their_number():
    assert shown("Teil-Ä9 <7>") == "Teil-Ä9 <7>"
    assert shown("零7") == "[U+96F6]7"
    many = tuple(
        inspection.Detection(class_name="😀<b>&", confidence=0.5, bbox=(0, 0, 1, 1)) for _ in range(200)
    )
    part = build.inspection(part_id="\u202e零<para>" + "x" * 100, detections=many)
    assert rendered(part, picture((1, 2000)), picture((2000, 1)), "1").count(b"/Type /Page\n") > 2


async def test_a_part_is_held_and_released(client, line):
    hold = inspection.Hold(reason="complaint", by="eve", at=build.NOON)
    line.answers[inspection.HOLD] = RECORD.model_copy(update={"holds": (hold,)})
    line.answers[inspection.RELEASE] = RECORD
    answer = await client.post(f"/api/v1/inspect/{RECORD.id}/hold", json={"reason": "complaint"})
    assert [each["reason"] for each in answer.json()["holds"]] == ["complaint"]
    answer = await client.delete(f"/api/v1/inspect/{RECORD.id}/hold?reason=complaint")
    assert answer.json()["holds"] == []
    asked = [*line.questions(inspection.HOLD), *line.questions(inspection.RELEASE)]
    assert [(each.id, each.reason, each.by) for each in asked] == [(RECORD.id, "complaint", "eve")] * 2
    assert (await client.post("/api/v1/inspect/x/hold", json={"reason": "a b"})).status_code == 400
    line.answers[inspection.DELETE] = Conflict("it is held: release it first")
    assert (await client.delete("/api/v1/inspect/x")).status_code == 409


def removed(**changes) -> inspection.EvidenceRemoved:
    told = {
        "cutoff": build.NOON,
        "records_cutoff": build.NOON,
        "deleted_count": 8,
        "inspections_removed": 3,
        "evidence_removed": 2,
        "freed_bytes": 4096,
        "held": 5,
        "complete": True,
        "by": "eve",
        "at": build.NOON,
    }
    return inspection.EvidenceRemoved(**(told | changes))


async def test_a_cleanup_tells_what_it_removed(client, line):
    line.answers[inspection.CLEAN] = removed()
    found = (await client.post("/api/v1/storage/cleanup?days=30")).json()
    assert found == {
        "deleted_count": 8, "inspections_removed": 3, "cutoff_date": "2026-01-31T12:00:00Z",
        "records_cutoff_date": "2026-01-31T12:00:00Z", "evidence_removed": 2, "held": 5,
        "freed_bytes": 4096, "complete": True,
    }  # fmt: skip
    assert (await client.post("/api/v1/storage/cleanup")).status_code == 200
    asked = [(each.days, each.by) for each in line.questions(inspection.CLEAN)]
    assert asked == [(30, "eve"), (None, "eve")]
    for days in ("0", "-1", "x", "1000000"):
        assert (await client.post(f"/api/v1/storage/cleanup?days={days}")).status_code == 400


async def test_an_operator_neither_cleans_up_nor_holds(stranger, line):
    headers = {"Authorization": f"Bearer {line.token('operator')}"}
    for method, path in (
        ("POST", "/api/v1/storage/cleanup"),
        ("POST", "/api/v1/inspect/x/hold"),
        ("DELETE", "/api/v1/inspect/x/hold"),
        ("DELETE", "/api/v1/inspect/x"),
    ):
        assert (await stranger.request(method, path, headers=headers)).status_code == 403
        assert (await stranger.request(method, path)).status_code == 401
    for path in ("/api/v1/storage/usage", "/api/v1/export/csv", "/api/v1/inspect/x/report.pdf"):
        assert (await stranger.get(path)).status_code == 401


async def test_usage_is_told_in_gigabytes_and_exactly(client, line):
    each = [
        inspection.EvidenceUsage(station_id="a", kind="images", files=2, bytes=3 << 29),
        inspection.EvidenceUsage(station_id="b", kind="images", files=1, bytes=1 << 29),
        inspection.EvidenceUsage(station_id="a", kind="annotated", files=1, bytes=1 << 30),
    ]
    line.answers[inspection.USAGE] = inspection.StorageUsage(
        evidence=tuple(each), records=9, database_bytes=1 << 30, image_days=90, record_days=365, max_gb=100,
        hold_failed=True,
    )  # fmt: skip
    found = (await client.get("/api/v1/storage/usage")).json()
    assert (found["images_gb"], found["masks_gb"], found["database_mb"]) == (2, 1, 1024)
    assert (found["total_gb"], found["max_gb"], found["inspections"]) == (4, 100, 9)
    assert found["stations"][0] == {"station_id": "a", "kind": "images", "files": 2, "bytes": 3 << 29}
