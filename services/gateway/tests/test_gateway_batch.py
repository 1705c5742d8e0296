"""/api/v1/batch/jobs: folders by JSON, archives as uploads, results page by page and as a table."""

import asyncio
import csv
import io

import pytest

from andon.contracts import Conflict, Forbidden, Invalid, NotFound, batch
from andon.contracts.batch import BatchJob, FileResult, FileState, JobState
from andon.gateway.uploads import UploadSettings
from andon.messaging import Service
from andon.storage import Blobs
from andon.testing import build

URL = "/api/v1/batch/jobs"
ID = "4f1d2c3b5a6978880796a5b4c3d2e1f0"
JOB = BatchJob(
    id=ID, name="Shift A", station_id="default", input_directory="/data/shift_a", file_pattern="*.jpg",
    total_files=4, processed_files=1, failed_files=1, progress_percent=25.0, created_at=build.NOON,
)  # fmt: skip
FOLDER = {"name": "Shift A", "input_dir": "/data/shift_a", "file_pattern": "*.jpg"}


@pytest.fixture(autouse=True)
def answering(line):
    line.answers |= {
        batch.CREATE: JOB,
        batch.GET: JOB,
        batch.LIST: batch.Jobs(total=7, items=(JOB,)),
        batch.START: JOB.model_copy(update={"queued_at": build.NOON}),
        batch.CANCEL: JOB.model_copy(update={"status": JobState.CANCELLED}),
        batch.DELETE: batch.DeletedJob(id=ID),
        batch.RESULTS: page,
    }


NAMES = ["a.jpg", "=cmd()", 'say "x", y.jpg', *(f"{n}.jpg" for n in range(1200))]


def page(question, _):
    some = range(question.offset, min(question.offset + question.limit, len(NAMES)))
    items = [FileResult(index=n, name=NAMES[n], status=FileState.FAILED, error="empty") for n in some]
    return batch.Results(total=len(NAMES), items=tuple(items))


async def test_a_job_over_a_folder_is_described_by_json(client, line):
    answer = await client.post(URL, json=FOLDER)
    assert answer.status_code == 200
    found = answer.json()
    assert found.items() >= {
        "id": ID, "name": "Shift A", "status": "pending", "input_directory": "/data/shift_a",
        "total_files": 4,
        "input_dir": "/data/shift_a", "processed_files": 1, "failed_files": 1, "progress_percent": 25.0,
        "passed": 0, "failed": 0, "uncertain": 0, "error_message": None, "started_at": None, "archive": None,
    }.items()  # fmt: skip
    (question,) = line.questions(batch.CREATE)
    assert (question.input_dir, question.station_id, question.by) == ("/data/shift_a", "default", "eve")
    assert question.archive is None


async def test_the_older_names_of_fields_are_taken_too(client, line):
    body = {"name": "a", "input_directory": "/data/x", "pattern": "*.png", "recursive": True}
    assert (await client.post(URL, json=body)).status_code == 200
    (question,) = line.questions(batch.CREATE)
    assert (question.input_dir, question.file_pattern, question.recursive) == ("/data/x", "*.png", True)


async def test_an_archive_goes_through_the_object_store(client, line, settings):
    data = b"PK\x03\x04" + bytes(3_000_000)
    files = {"file": ("shift.zip", data, "application/zip")}
    answer = await client.post(URL, data={"name": "Upload", "station_id": "line-1"}, files=files)
    assert answer.status_code == 200
    (question,) = line.questions(batch.CREATE)
    assert (question.name, question.station_id, question.file_pattern) == ("Upload", "line-1", None)
    assert (question.archive.name, question.archive.size) == ("shift.zip", len(data))
    async with Blobs(settings.s3) as blobs:
        assert await blobs.get(question.archive.key) == data


async def test_an_archive_that_is_refused_is_not_kept(client, line, settings):
    line.answers[batch.CREATE] = Invalid("archive: it is damaged")
    answer = await client.post(URL, data={"name": "Upload"}, files={"file": ("a.zip", b"PK damaged")})
    assert (answer.status_code, answer.json()) == (422, {"detail": "archive: it is damaged"})
    async with Blobs(settings.s3) as blobs:
        assert await blobs.list("batches/") == []


@pytest.mark.long
async def test_what_describes_no_job_is_a_bad_request_that_names_the_field(client, line, subtests):
    upload = {"file": ("a.zip", b"PK")}
    cases = [
        ({"json": {"input_dir": "/data"}}, 400, "name"),
        ({"json": {"name": "a"}}, 400, "input_dir"),
        ({"json": FOLDER | {"station_id": "no spaces"}}, 400, "station_id"),
        ({"json": FOLDER | {"recursive": "maybe"}}, 400, "recursive"),
        ({"json": FOLDER | {"other": 1}}, 400, "other"),
        ({"json": FOLDER | {"name": "two\nlines"}}, 400, "name"),
        ({"json": [1]}, 400, "body"),
        ({"content": b"{"}, 400, "JSON"),
        ({"content": b'{"name": "' + b"x" * 70_000 + b'"}'}, 413, "larger"),
        ({"files": upload}, 400, "name"),
        ({"files": {"file": ("a.zip", b"")}, "data": {"name": "a"}}, 422, "file"),
        ({"data": {"name": "a"}, "files": {"other": ("a.zip", b"x")}}, 400, "file"),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400, "form"),
    ]
    for request, status, word in cases:
        with subtests.test(f"{word} {status}"):
            answer = await client.post(URL, **request)
            assert (answer.status_code, word in answer.json()["detail"]) == (status, True), answer.text
    assert line.questions(batch.CREATE) == []


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"uploads": UploadSettings(archive_bytes=4 << 20)})


async def test_an_archive_that_is_too_large_is_refused_while_it_still_comes(line, address):
    reader, writer = await asyncio.open_connection(*address.split(":"))
    writer.write(
        f"POST {URL} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {line.token()}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    answered = asyncio.ensure_future(reader.readline())
    start = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n'
    pieces = [start, *[bytes(1 << 20)] * 100]
    while not answered.done() and pieces:
        piece = pieces.pop(0)
        writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await writer.drain()
        await asyncio.sleep(0)
    assert (await answered).split()[1] == b"413"
    assert len(pieces) > 50
    writer.transport.abort()


@pytest.mark.long
async def test_what_the_line_refuses_is_passed_on(client, line):
    line.answers |= {
        batch.CREATE: Forbidden("input_dir: ANDON_BATCH__ROOTS"),
        batch.START: Conflict("only a pending job can be started; this one is running"),
        batch.GET: NotFound("there is no batch job"),
        batch.RESULTS: NotFound("there is no batch job"),
    }
    assert (await client.post(URL, json=FOLDER)).status_code == 403
    assert (await client.post(f"{URL}/{ID}/start")).status_code == 409
    for path in ("", "/results", "/results.csv"):
        assert (await client.get(f"{URL}/{ID}{path}")).status_code == 404


async def test_jobs_are_listed_started_cancelled_read_and_deleted(client, line):
    listed = (await client.get(URL, params={"status": "running", "limit": 5, "offset": 2})).json()
    assert (listed["total"], listed["limit"], listed["offset"], listed["jobs"][0]["id"]) == (7, 5, 2, ID)
    (question,) = line.questions(batch.LIST)
    assert (question.status, question.limit, question.offset) == (JobState.RUNNING, 5, 2)
    assert (await client.get(URL, params={"status": "lost"})).status_code == 400
    assert (await client.post(f"{URL}/{ID}/start")).json()["queued_at"]
    assert (await client.post(f"{URL}/{ID}/cancel")).json()["status"] == "cancelled"
    assert (await client.get(f"{URL}/{ID}")).json()["name"] == "Shift A"
    assert (await client.delete(f"{URL}/{ID}")).json() == {"id": ID, "status": "deleted"}
    assert line.questions(batch.DELETE)[0].by == "eve"


async def test_results_come_in_pages_and_as_one_table(client, line):
    found = (await client.get(f"{URL}/{ID}/results", params={"limit": 2, "offset": 1})).json()
    assert (found["total"], found["limit"], found["offset"]) == (1203, 2, 1)
    assert found["items"][0] == {
        "name": "=cmd()", "status": "failed", "inspection_id": None, "decision": None, "confidence": None,
        "objects_found": None, "error": "empty",
    }  # fmt: skip
    answer = await client.get(f"{URL}/{ID}/results.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="batch-{ID}.csv"'
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == ["name", "status", "inspection_id", "decision", "confidence", "objects_found", "error"]
    assert len(rows) == 1204
    assert [row[0] for row in rows[1:4]] == ["a.jpg", "'=cmd()", 'say "x", y.jpg']
    assert rows[1][1:] == ["failed", "", "", "", "", "empty"]


async def test_operators_run_jobs_and_leave_deleting_to_others(client, line):
    client.headers["Authorization"] = f"Bearer {line.token('operator')}"
    assert (await client.post(URL, json=FOLDER)).status_code == 200
    assert (await client.post(f"{URL}/{ID}/start")).status_code == 200
    assert (await client.delete(f"{URL}/{ID}")).status_code == 403


async def test_progress_is_pushed_to_dashboards(client, line, settings):
    async with client.stream("GET", "/api/v1/events") as stream:
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry")
        async with asyncio.timeout(10):
            async with Service("inspection", settings.bus) as inspection:
                await inspection.say(batch.PROGRESSED, JOB)
            async for text in lines:
                if text.startswith("data:") and ID in text:
                    assert '"progress_percent":25.0' in text
                    assert "key" not in text
                    break


async def test_strangers_see_nothing(stranger):
    paths = [
        ("GET", ""),
        ("POST", ""),
        ("POST", f"/{ID}/start"),
        ("POST", f"/{ID}/cancel"),
        ("GET", f"/{ID}"),
    ]
    for method, path in [
        *paths,
        ("DELETE", f"/{ID}"),
        ("GET", f"/{ID}/results"),
        ("GET", f"/{ID}/results.csv"),
    ]:
        assert (await stranger.request(method, f"{URL}{path}")).status_code == 401
