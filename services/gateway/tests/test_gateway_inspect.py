"""POST /api/v1/inspect: what may be sent, and what comes back."""

import asyncio
from io import BytesIO

import pytest
from PIL import Image

from andon.contracts import Invalid, Unavailable, inspection
from andon.contracts.inspection import Decision, Detection
from andon.gateway.app import SERVICE
from andon.runtime import serving
from andon.storage import Blobs
from andon.testing import build

URL = "/api/v1/inspect"
SCRATCH = Detection(class_name="scratch", confidence=0.94, bbox=(120, 80, 240, 160), area_mm2=12.4)
FORM = {"Content-Type": "multipart/form-data; boundary=x"}


def jpeg():
    buffer = BytesIO()
    Image.new("RGB", (32, 32)).save(buffer, "jpeg")
    return buffer.getvalue()


JPEG = jpeg()


def failed(question, delivery):
    return build.inspection(
        station_id=question.station_id,
        part_id=question.part_id,
        decision=Decision.FAIL,
        detections=(SCRATCH,),
        image=build.stored_image(content_type="image/png"),
        annotated=build.stored_image(),
    )


@pytest.fixture(autouse=True)
def judging(line):
    line.answers[inspection.INSPECT] = failed


async def posted(client, image=JPEG, fields=None, query=None):
    files = {"file": ("part.jpg", image, "image/jpeg")}
    return await client.post(URL, files=files, data=fields, params=query)


async def test_the_answer_has_the_fields_of_the_api(client):
    answer = await posted(client, fields={"station_id": "line-1", "part_id": "P 7"})
    assert answer.status_code == 200
    found = answer.json()
    assert found["decision"] == "fail"
    assert found["confidence"] == 0.9
    assert found["objects_found"] == 1
    assert found["total_time_ms"] == 8.0
    assert (
        found["detections"][0].items()
        >= {
            "class_name": "scratch",
            "confidence": 0.94,
            "bbox": [120, 80, 240, 160],
            "area_mm2": 12.4,
        }.items()
    )
    assert found["image_url"].startswith(f"/static/images/{found['id']}.png?")
    assert found["annotated_url"].startswith(f"/static/images/{found['id']}.annotated.jpg?")
    assert (found["station_id"], found["part_id"]) == ("line-1", "P 7")


async def test_the_image_and_its_fields_reach_the_inspector(client, line):
    await posted(client, fields={"station_id": "line-1", "part_id": "P 7"})
    query, question, delivery = line.asked[-1]
    assert query is inspection.INSPECT
    assert delivery.body == JPEG
    assert (question.station_id, question.part_id, question.content_type) == ("line-1", "P 7", "image/jpeg")
    assert question.frame_id


async def test_without_fields_it_is_the_default_station(client, line):
    await posted(client)
    assert line.questions(inspection.INSPECT)[0].station_id == "default"
    assert line.questions(inspection.INSPECT)[0].part_id is None


async def test_form_fields_win_over_query_parameters(client, line):
    await posted(client, fields={"station_id": "form"}, query={"station_id": "query", "part_id": "query"})
    (question,) = line.questions(inspection.INSPECT)
    assert (question.station_id, question.part_id) == ("form", "query")


async def test_a_large_image_goes_through_the_object_store_and_is_removed_after(client, line, settings):
    seen = {}
    large = JPEG + bytes(8_000_000)

    async with Blobs(settings.s3) as blobs:

        def judge(question, delivery):
            seen["key"], seen["body"] = question.object_key, delivery.body
            return failed(question, delivery)

        line.answers[inspection.INSPECT] = judge
        assert (await posted(client, large)).status_code == 200
        assert seen["key"].startswith("incoming/")
        assert seen["body"] == b""
        assert await blobs.list("incoming/") == []


async def test_bad_files_are_refused_by_name(client, line, subtests):
    cases = [
        (b"", 422, "empty"),
        (b"just text", 415, "not an image"),
        (b"GIF89a" + bytes(100), 415, "not an image"),
        (JPEG + bytes(20 * 1024 * 1024), 413, "larger than 20 MB"),
    ]
    for data, status, word in cases:
        with subtests.test(word):
            answer = await posted(client, data)
            assert answer.status_code == status
            assert "file" in answer.json()["detail"]
            assert word in answer.json()["detail"]
            assert line.questions(inspection.INSPECT) == []


async def test_too_large_is_said_while_the_upload_is_still_coming(line, address):
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(
        f"POST {URL} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {line.token()}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    answered = asyncio.ensure_future(reader.readline())
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
    pieces = [start, *[bytes(1 << 20)] * 100]
    while not answered.done() and pieces:
        piece = pieces.pop(0)
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(0)
    assert (await answered).split()[1] == b"413"
    assert len(pieces) > 50  # it never got to an end
    writer.transport.abort()


@pytest.fixture
def hurried(settings):
    """A gateway that gives clients a second to send something."""
    uploads = settings.uploads.model_copy(update={"seconds": 1.0})
    return settings.model_copy(update={"uploads": uploads})


@pytest.mark.parametrize(
    ("path", "kind"), [(URL, "multipart/form-data; boundary=x"), ("/api/v1/users", "application/json")]
)
async def test_who_sends_a_letter_at_a_time_is_not_waited_for(line, hurried, path, kind):
    async with serving(SERVICE, hurried) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.http_port)
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {line.token()}\r\n"
            f"Content-Type: {kind}\r\nContent-Length: 100000\r\n\r\n".encode()
            + b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        )
        answer = asyncio.ensure_future(reader.read(4096))
        async with asyncio.timeout(10):
            while not answer.done():
                writer.write(b"x")
                await asyncio.sleep(0.05)
        assert (await answer).startswith(b"HTTP/1.1 400")
        assert b"longer than 1 seconds" in await answer
        writer.close()


async def test_an_announced_size_is_enough_to_refuse(client):
    answer = await posted(client, JPEG + bytes(30 << 20))
    assert answer.status_code == 413
    assert "20 MB" in answer.json()["detail"]


async def test_malformed_requests_say_what_is_wrong(client, line, subtests):
    cases = [
        ({"json": {"file": "x"}}, "multipart/form-data"),
        ({"data": {"station_id": "line-1"}, "files": {"other": ("a.jpg", JPEG)}}, "'file'"),
        ({"content": b"--x\r\nnonsense", "headers": FORM}, "'file'"),
        ({"content": b"", "headers": {"Content-Type": "multipart/form-data"}}, "form"),
        ({"files": {"file": ("a.jpg", JPEG)}, "data": {"station_id": "no spaces"}}, "station_id"),
        ({"files": {"file": ("a.jpg", JPEG)}, "data": {"part_id": "two\nlines"}}, "part_id"),
        ({"files": {"file": ("a.jpg", JPEG)}, "data": {"part_id": "x" * 129}}, "part_id"),
    ]
    for request_, word in cases:
        with subtests.test(word):
            answer = await client.post(URL, **request_)
            assert answer.status_code == 400, answer.text
            assert word in answer.json()["detail"]
            assert line.questions(inspection.INSPECT) == []


@pytest.mark.parametrize(
    ("error", "status"), [(Invalid("The image is cut off."), 422), (Unavailable("No model yet."), 503)]
)
async def test_what_the_inspector_refuses_is_passed_on(client, line, error, status):
    line.answers[inspection.INSPECT] = error
    answer = await posted(client)
    assert (answer.status_code, answer.json()) == (status, {"detail": str(error)})


async def test_a_failure_inside_tells_nothing_but_its_trace(client, line):
    line.answers[inspection.INSPECT] = ZeroDivisionError("secret detail")
    answer = await posted(client)
    assert answer.status_code == 500
    assert answer.json()["detail"] == "Internal error"
    assert "secret" not in answer.text
    assert answer.json()["trace_id"] == answer.headers["x-trace-id"]


async def test_nothing_is_read_from_a_stranger(stranger):
    answer = await posted(stranger, JPEG + bytes(30_000_000))
    assert answer.status_code == 401
