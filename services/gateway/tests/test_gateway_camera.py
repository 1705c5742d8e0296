"""POST /api/v1/inspect/camera and /api/v1/cameras: what reaches the line, and what comes back."""

import pytest

from andon.contracts import Conflict, NotFound, Unavailable, camera
from andon.testing import build

PLATE = {"kind": "plate", "seed": 3, "defects": 0.15}
KNOWN = camera.Camera(station_id="line-1", source=camera.PlateSource(seed=3), changed_at=build.NOON)


@pytest.fixture(autouse=True)
def answering(line):
    line.answers |= {
        camera.CAPTURE: lambda question, _: build.inspection(station_id=question.station_id),
        camera.PUT: KNOWN,
        camera.GET: KNOWN,
        camera.LIST: camera.Cameras(cameras=(KNOWN,)),
        camera.REMOVE: camera.RemovedCamera(station_id="line-1"),
    }


async def test_a_capture_answers_as_an_upload_does(client, line):
    answer = await client.post("/api/v1/inspect/camera", params={"station_id": "line-1", "part_id": "P 7"})
    assert answer.status_code == 200
    assert answer.json().keys() >= {
        "id",
        "decision",
        "confidence",
        "objects_found",
        "total_time_ms",
        "detections",
    }
    (question,) = line.questions(camera.CAPTURE)
    assert (question.station_id, question.part_id, question.frame_id) == ("line-1", "P 7", None)
    await client.post("/api/v1/inspect/camera")
    assert line.questions(camera.CAPTURE)[1].station_id == "default"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("station_id 'a' has no camera"), 409),
        (NotFound("there is no station"), 404),
        (Unavailable("the camera of station_id 'a': no picture within 5 s"), 503),
    ],
)
async def test_why_there_is_no_picture_is_passed_on(client, line, error, status):
    line.answers[camera.CAPTURE] = error
    answer = await client.post("/api/v1/inspect/camera?station_id=a")
    assert (answer.status_code, answer.json()) == (status, {"detail": str(error)})


async def test_bad_parameters_name_their_field(client, line):
    for query, field in (("station_id=no spaces", "station_id"), ("part_id=" + "x" * 129, "part_id")):
        answer = await client.post(f"/api/v1/inspect/camera?{query}")
        assert answer.status_code == 400
        assert field in answer.json()["detail"]
    assert line.questions(camera.CAPTURE) == []


@pytest.mark.long
async def test_cameras_are_given_read_and_taken_away(client, line):
    put = await client.put("/api/v1/cameras/line-1", json={"source": PLATE})
    assert (put.status_code, put.json()["source"]) == (200, PLATE)
    (question,) = line.questions(camera.PUT)
    assert (question.station_id, question.source.seed, question.by) == ("line-1", 3, "eve")
    assert (await client.get("/api/v1/cameras/line-1")).json()["state"] == "idle"
    assert [one["station_id"] for one in (await client.get("/api/v1/cameras")).json()["cameras"]] == [
        "line-1"
    ]
    gone = await client.delete("/api/v1/cameras/line-1")
    assert gone.json() == {"station_id": "line-1", "status": "deleted"}


async def test_what_is_no_source_is_a_bad_request(client, line):
    for body in ({}, {"source": {"kind": "webcam"}}, {"source": {"kind": "rtsp"}}, {"source": PLATE, "x": 1}):
        answer = await client.put("/api/v1/cameras/line-1", json=body)
        assert answer.status_code == 400, answer.text
    assert line.questions(camera.PUT) == []


async def test_operators_take_pictures_but_choose_no_cameras(client, line):
    client.headers["Authorization"] = f"Bearer {line.token('operator')}"
    assert (await client.post("/api/v1/inspect/camera")).status_code == 200
    assert (await client.put("/api/v1/cameras/line-1", json={"source": PLATE})).status_code == 403
    assert (await client.delete("/api/v1/cameras/line-1")).status_code == 403


async def test_strangers_see_nothing(stranger):
    for method, path in (
        ("POST", "/inspect/camera"),
        ("GET", "/cameras"),
        ("PUT", "/cameras/a"),
        ("DELETE", "/cameras/a"),
    ):
        assert (await stranger.request(method, f"/api/v1{path}")).status_code == 401
