"""The visual inspection API from end to end: every endpoint, with every field that its clients know."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from io import StringIO
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from whole_andon import MODEL, STATION, Andon, inspected, picture, signed_in, until

Shape = Any
"""A type, a set of what may be, a list of one shape, a dict of shapes by name, or several in a tuple."""

TIME = object()
"""ISO 8601 text."""
COUNT = (int,)
USER = {"id": str, "username": str, "roles": [{"admin", "engineer", "operator"}]}
TOKENS = {"access_token": str, "refresh_token": str, "token_type": {"bearer"}, "user": USER}
DETECTION = {"class_name": str, "confidence": float, "bbox": [int], "area_mm2": (float, None)}
INSPECTION = {
    "id": str,
    "decision": {"pass", "fail", "uncertain"},
    "confidence": float,
    "objects_found": int,
    "total_time_ms": float,
    "detections": [DETECTION],
    "image_url": str,
}
STATISTICS = {
    "total_inspections": int,
    "passed": int,
    "failed": int,
    "uncertain": int,
    "pass_rate": float,
    "avg_inspection_time_ms": float,
    "defect_breakdown": dict,
}
TRENDS = {"labels": [str], "total": [int], "passed": [int], "failed": [int]}
JOB = {
    "id": str,
    "name": str,
    "status": {"pending", "running", "completed", "failed", "cancelled"},
    "total_files": int,
    "processed_files": int,
    "failed_files": int,
    "progress_percent": float,
    "error_message": (str, None),
}
ALERT = {
    "id": str,
    "severity": {"info", "warning", "error", "critical"},
    "title": str,
    "message": str,
    "timestamp": TIME,
    "acknowledged": bool,
}


def misfit(shape: Shape, value: Any, where: str = "answer") -> str | None:
    """Where a value is not of its shape; None when it is. More fields than named are no misfit."""
    match shape:
        case dict():
            if not isinstance(value, dict):
                return f"{where} is no object: {value!r}"
            missing = shape.keys() - value.keys()
            if missing:
                return f"{where} lacks {sorted(missing)}"
            found = (misfit(each, value[name], f"{where}.{name}") for name, each in shape.items())
            return next((problem for problem in found if problem), None)
        case [one]:
            if not isinstance(value, list):
                return f"{where} is no list: {value!r}"
            found = (misfit(one, each, f"{where}[{n}]") for n, each in enumerate(value))
            return next((problem for problem in found if problem), None)
        case _:
            return None if _is(shape, value) else f"{where} is {value!r}"


def _is(shape: Shape, value: Any) -> bool:
    if shape is TIME:
        return isinstance(value, str) and datetime.fromisoformat(value) is not None
    if isinstance(shape, tuple):
        return any(_is(each, value) for each in shape)
    if isinstance(shape, set):
        return value in shape
    if shape is None or isinstance(value, bool):
        return value is None if shape is None else shape is bool
    return isinstance(value, (int, float) if shape is float else shape)


def fits(answer: httpx.Response, shape: Shape, status: int = 200) -> Any:
    """The answer's content, once it is as it must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    content = answer.json()
    assert misfit(shape, content) is None
    return content


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    detail = fits(answer, {"detail": str}, status)["detail"]
    assert all(word in detail for word in words), detail


@pytest.fixture(scope="module")
def admin(andon: Andon) -> Iterator[httpx.Client]:
    with signed_in(andon) as client:
        yield client


@pytest.fixture(scope="module")
def stranger(andon: Andon) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=andon.url, timeout=30) as client:
        yield client


@pytest.fixture
def operator(andon: Andon, admin: httpx.Client) -> Iterator[httpx.Client]:
    body = {
        "username": "olga",
        "email": "olga@line.example",
        "password": "correct horse",
        "roles": ["operator"],
    }
    made = admin.post("/api/v1/users", json=body).json()
    with signed_in(andon, "olga", "correct horse") as client:
        yield client
    admin.delete(f"/api/v1/users/{made['id']}")


def test_a_misfit_is_told_with_its_place():
    assert misfit({"a": [{"b": float}]}, {"a": [{"b": 1}, {"b": "x"}]}) == "answer.a[1].b is 'x'"
    assert misfit({"a": int}, {"a": True}) == "answer.a is True"
    assert misfit({"a": int}, {}) == "answer lacks ['a']"
    assert misfit({"a": (int, None), "t": TIME, "s": {"x"}}, {"a": None, "t": "2024-01-15", "s": "x"}) is None


@pytest.mark.long
def test_authentication(andon: Andon, stranger: httpx.Client):
    tokens = fits(
        stranger.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"}), TOKENS
    )
    assert tokens["user"]["roles"] == ["admin"]
    renewed = fits(
        stranger.post("/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}),
        {"access_token": str},
    )
    bearer = {"Authorization": f"Bearer {renewed['access_token']}"}
    fits(stranger.get("/api/v1/auth/me", headers=bearer), USER)
    assert stranger.post("/api/v1/auth/logout", headers=bearer).status_code == 200
    refused(stranger.get("/api/v1/auth/me", headers=bearer), 401)
    refused(stranger.post("/api/v1/auth/refresh", json={"refresh_token": renewed["refresh_token"]}), 401)
    refused(stranger.post("/api/v1/auth/login", json={"username": "admin", "password": "wrong"}), 401)


@pytest.mark.parametrize("form", ["jpeg", "png", "bmp", "tiff", "webp"])
def test_inspection_of_every_form(admin: httpx.Client, form: str):
    found = inspected(admin, picture(form=form))
    assert misfit(INSPECTION, found) is None
    assert (found["decision"], found["objects_found"], found["detections"]) == ("pass", 0, [])


def test_inspection(admin: httpx.Client, operator: httpx.Client):
    found = inspected(admin, picture(spot=255), part_id="P 7")
    assert misfit(INSPECTION, found) is None
    assert (found["decision"], found["objects_found"]) == ("fail", 1)
    (detection,) = found["detections"]
    assert detection["area_mm2"] == pytest.approx(100 * 100 * 0.5 * 0.2, rel=0.05)
    assert len(detection["bbox"]) == 4
    shown = httpx.get(f"{admin.base_url}".rstrip("/") + found["image_url"])
    assert shown.content == picture(spot=255)

    one = fits(admin.get(f"/api/v1/inspect/{found['id']}"), INSPECTION)
    assert one["id"] == found["id"]
    query = {"station_id": STATION, "decision": "fail", "limit": 1, "offset": 0}
    page = fits(
        admin.get("/api/v1/inspections", params=query),
        {"total": int, "limit": int, "offset": int, "items": [INSPECTION]},
    )
    assert [part["id"] for part in page["items"]] == [found["id"]]
    assert fits(admin.get("/api/v1/inspections"), {"limit": int})["limit"] == 50
    refused(admin.get("/api/v1/inspections?limit=501"), 400, "limit")

    refused(operator.delete(f"/api/v1/inspect/{found['id']}"), 403)
    assert admin.delete(f"/api/v1/inspect/{found['id']}").status_code == 200
    refused(admin.get(f"/api/v1/inspect/{found['id']}"), 404)
    refused(admin.delete(f"/api/v1/inspect/{found['id']}"), 404)


def test_inspection_refuses_what_is_no_image(admin: httpx.Client):
    def sent(data: bytes) -> httpx.Response:
        return admin.post("/api/v1/inspect", files={"file": ("a.jpg", data, "image/jpeg")})

    refused(sent(b"GIF89a" + bytes(100)), 415)
    refused(sent(picture() + bytes(20 * 2**20)), 413, "20 MB")
    refused(sent(b""), 422)
    refused(sent(picture()[:500]), 422)
    refused(admin.post("/api/v1/inspect"), 400)


def test_inspection_by_camera(andon: Andon, admin: httpx.Client):
    (andon.place.data / "pictures" / "camera").mkdir()
    (andon.place.data / "pictures" / "camera" / "one.jpg").write_bytes(picture(spot=255))
    source = {"kind": "folder", "folder": str(andon.place.data / "pictures" / "camera")}
    answer = admin.put(f"/api/v1/cameras/{STATION}", json={"source": source})
    assert answer.status_code == 200, answer.text
    found = fits(
        admin.post("/api/v1/inspect/camera", params={"station_id": STATION, "part_id": "C 1"}), INSPECTION
    )
    assert (found["decision"], found["station_id"], found["part_id"]) == ("fail", STATION, "C 1")


def test_statistics_and_trends(admin: httpx.Client):
    own = {"hours": 24, "station_id": STATION}
    before = fits(admin.get("/api/v1/statistics", params=own), STATISTICS)
    inspected(admin, picture(spot=255))

    def counted() -> Any:
        now = fits(admin.get("/api/v1/statistics", params=own), STATISTICS)
        return now if now["failed"] == before["failed"] + 1 else None

    after = until(counted, within=10)  # long before the 30 seconds that an answer is kept
    assert 0 <= after["pass_rate"] <= 1
    assert all(isinstance(count, int) for count in after["defect_breakdown"].values())
    for hours, status in ((1, 200), (168, 200), (0, 400), (169, 400)):
        assert admin.get(f"/api/v1/statistics?hours={hours}").status_code == status

    query = {"hours": 24, "interval": "hour", "station_id": STATION}
    trends = fits(admin.get("/api/v1/trends", params=query), TRENDS)
    assert len({len(trends[name]) for name in TRENDS}) == 1
    assert sum(trends["total"]) == after["total_inspections"]
    assert datetime.strptime(trends["labels"][-1], "%Y-%m-%d %H:00:00")  # noqa: DTZ007 - it is UTC by promise
    daily = fits(admin.get("/api/v1/trends?interval=day&hours=48"), TRENDS)
    assert datetime.strptime(daily["labels"][-1], "%Y-%m-%d")  # noqa: DTZ007 - as above


def test_export(admin: httpx.Client):
    part = inspected(admin, picture(spot=255), part_id="=1+1")
    answer = admin.get("/api/v1/export/csv")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert list(rows[0]) == [
        "ID", "Timestamp", "Station", "Part ID", "Decision", "Confidence", "Objects Found", "Total Time (ms)",
    ]  # fmt: skip
    assert len(rows) == admin.get("/api/v1/inspections").json()["total"]
    row = next(row for row in rows if row["ID"] == part["id"])
    assert (row["Station"], row["Decision"], row["Objects Found"]) == (STATION, "fail", "1")
    assert not row["Part ID"].startswith("=")


def test_batch_processing(andon: Andon, admin: httpx.Client):
    folder = andon.place.data / "pictures" / "shift_a"
    folder.mkdir()
    for number in range(3):
        (folder / f"{number}.jpg").write_bytes(picture(spot=255 if number == 1 else None))
    body = {"name": "Shift A", "input_dir": str(folder), "file_pattern": "*.jpg"}
    job = fits(admin.post("/api/v1/batch/jobs", json={**body, "station_id": STATION}), JOB)
    assert (job["name"], job["status"], job["total_files"]) == ("Shift A", "pending", 3)
    assert job["id"] in [
        each["id"] for each in fits(admin.get("/api/v1/batch/jobs"), {"jobs": [JOB]})["jobs"]
    ]
    fits(admin.post(f"/api/v1/batch/jobs/{job['id']}/start"), JOB)
    done = until(
        lambda: (now := admin.get(f"/api/v1/batch/jobs/{job['id']}").json())["status"] == "completed" and now
    )
    assert misfit(JOB, done) is None
    assert (done["processed_files"], done["failed_files"], done["progress_percent"]) == (3, 0, 100)
    refused(admin.post(f"/api/v1/batch/jobs/{job['id']}/cancel"), 409)

    other = admin.post("/api/v1/batch/jobs", json=body).json()
    assert fits(admin.post(f"/api/v1/batch/jobs/{other['id']}/cancel"), JOB)["status"] == "cancelled"
    refused(admin.get("/api/v1/batch/jobs/none"), 404)
    for outside in ("/etc", str(folder / ".." / ".."), "../.."):
        assert admin.post("/api/v1/batch/jobs", json=body | {"input_dir": outside}).status_code in (
            400,
            403,
            404,
        )


def test_models(admin: httpx.Client):
    models = fits(admin.get("/api/v1/models"), {"models": [{"id": str}]})["models"]
    assert MODEL in [model["id"] for model in models]
    assert admin.post(f"/api/v1/models/{MODEL}/deploy").status_code == 200
    refused(admin.post("/api/v1/models/none/deploy"), 404)


def test_alerts(admin: httpx.Client):
    for _ in range(25):
        inspected(admin, picture(spot=255))
    path = "/api/v1/alerts?severity=warning&acknowledged=false"
    alert = until(lambda: fits(admin.get(path), {"alerts": [ALERT]})["alerts"])[0]
    assert alert["acknowledged"] is False
    fits(admin.post(f"/api/v1/alerts/{alert['id']}/acknowledge"), {"acknowledged": bool})
    until(
        lambda: (
            alert["id"]
            in [each["id"] for each in admin.get("/api/v1/alerts?acknowledged=true").json()["alerts"]]
        )
    )
    refused(admin.post("/api/v1/alerts/none/acknowledge"), 404)
    refused(admin.get("/api/v1/alerts?severity=loud"), 400, "severity")


def test_system(admin: httpx.Client, stranger: httpx.Client):
    assert fits(stranger.get("/api/v1/health"), {"status": str, "version": str})["status"] == "healthy"
    metrics = admin.get("/metrics")
    assert metrics.status_code == 200
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "andon_http_request_seconds" in metrics.text


def test_configuration(admin: httpx.Client, operator: httpx.Client):
    before = fits(admin.get("/api/v1/config"), {"alerting": {"pass_rate_target": float}, "revision": int})
    try:
        fits(admin.post("/api/v1/config", json={"alerting": {"pass_rate_target": 0.8}}), {"revision": int})
        assert admin.get("/api/v1/config").json()["alerting"]["pass_rate_target"] == 0.8
        refused(operator.post("/api/v1/config", json={"alerting": {"pass_rate_target": 0.7}}), 403)
        refused(
            admin.post("/api/v1/config", json={"alerting": {"pass_rate_target": 7}}), 400, "pass_rate_target"
        )
        refused(admin.post("/api/v1/config", json={"colour": "red"}), 400, "colour")
    finally:
        admin.post("/api/v1/config", json={"alerting": before["alerting"]})


def test_storage(admin: httpx.Client, operator: httpx.Client):
    usage = fits(
        admin.get("/api/v1/storage/usage"),
        {"images_gb": float, "masks_gb": float, "database_mb": float, "total_gb": float, "max_gb": float},
    )
    assert 0 < usage["images_gb"] < usage["total_gb"]
    refused(operator.post("/api/v1/storage/cleanup"), 403)
    cleaned = fits(
        admin.post("/api/v1/storage/cleanup", params={"days": 90}),
        {"deleted_count": int, "inspections_removed": int, "cutoff_date": TIME},
    )
    assert (cleaned["deleted_count"], cleaned["inspections_removed"]) == (0, 0)
    refused(admin.post("/api/v1/storage/cleanup", params={"days": 0}), 400, "days")


def test_query_in_words(admin: httpx.Client):
    admin.put("/api/v1/stations/station-3", json={"name": "Station 3"})
    admin.post(f"/api/v1/models/{MODEL}/deploy", json={"station_ids": ["station-3"]})
    until(lambda: admin.get("/api/v1/stations/station-3").json()["mode"] == "judge")
    for _ in range(2):
        inspected(admin, picture(spot=255), station_id="station-3")
    question = "How many scratches were found at Station 3 this week?"
    answer = fits(
        admin.post("/api/v1/query", json={"question": question}),
        {"question": str, "answer": str, "backend": str},
    )
    assert answer["question"] == question
    counted = admin.post("/api/v1/query", json={"question": "How many parts failed at Station 3 this week?"})
    assert "2" in counted.json()["answer"]
    refused(admin.post("/api/v1/query", json={"question": ""}), 422)


def test_opc_ua(admin: httpx.Client):
    shape = {"enabled": bool, "running": bool, "endpoint": str, "station_count": int, "nodes": [str]}
    fits(admin.get("/api/v1/opcua/status"), shape)


def test_openvino(admin: httpx.Client, operator: httpx.Client):
    status = {"available": bool, "enabled": bool, "device": str, "loaded_models": [str], "ort_fallback": bool}
    assert fits(admin.get("/api/v1/openvino/status"), status)["available"]
    wanted = {"model_key": "encoder", "model_path": MODEL, "device": "CPU"}
    refused(operator.post("/api/v1/openvino/load", json=wanted), 403)
    loaded = fits(
        admin.post("/api/v1/openvino/load", json=wanted),
        {"status": {"loaded"}, "model_key": str, "device": str},
    )
    assert (loaded["model_key"], loaded["device"]) == ("encoder", "CPU")
    figures = {"model_key": str, "ort_mean_ms": float, "ov_mean_ms": float, "speedup": float}
    measured = fits(
        admin.post("/api/v1/openvino/benchmark", json={"model_key": "encoder", "iterations": 50}), figures
    )
    assert measured["speedup"] == pytest.approx(measured["ort_mean_ms"] / measured["ov_mean_ms"], rel=0.05)
    for outside in ("../../etc/passwd", "/etc/passwd", "models/../../x.onnx", "evidence/x"):
        assert admin.post("/api/v1/openvino/load", json=wanted | {"model_path": outside}).status_code in (
            400,
            404,
        )
    refused(admin.post("/api/v1/openvino/benchmark", json={"model_key": "none", "iterations": 5}), 404)


def test_dashboard(andon: Andon, admin: httpx.Client):
    token = admin.headers["Authorization"].removeprefix("Bearer ")
    address = andon.url.replace("http", "ws") + f"/ws/dashboard?token={token}"
    with connect(address, proxy=None) as socket:

        def heard(kind: str) -> Any:
            while (message := json.loads(socket.recv(10)))["type"] != kind:
                pass
            return message["data"]

        assert misfit(STATISTICS, heard("ping")) is None
        part = inspected(admin, picture(spot=255))
        said = heard("inspection")
        assert misfit(INSPECTION, said) is None
        assert said["id"] == part["id"]
        assert misfit(STATISTICS, heard("stats")) is None


def test_users(andon: Andon, admin: httpx.Client, operator: httpx.Client):
    users = fits(admin.get("/api/v1/users"), {"users": [USER]})["users"]
    olga = next(user for user in users if user["username"] == "olga")
    changed = fits(admin.put(f"/api/v1/users/{olga['id']}", json={"email": "o@line.example"}), USER)
    assert changed["id"] == olga["id"]
    refused(operator.get("/api/v1/users"), 403)
    fits(operator.put("/api/v1/users/me", json={"email": "me@line.example"}), USER)
    passwords = {"current_password": "correct horse", "new_password": "battery staple"}
    assert operator.put("/api/v1/users/me/password", json=passwords).status_code == 200
    with signed_in(andon, "olga", "battery staple") as again:
        fits(again.get("/api/v1/auth/me"), USER)
        refused(again.delete(f"/api/v1/users/{olga['id']}"), 403)
    assert admin.delete(f"/api/v1/users/{olga['id']}").status_code == 200
    refused(admin.delete(f"/api/v1/users/{olga['id']}"), 404)
    assert misfit({"id": str}, users[0]) is None


def test_errors(admin: httpx.Client, stranger: httpx.Client):
    refused(stranger.get("/api/v1/inspections"), 401)
    refused(admin.get("/api/v1/inspect/none"), 404)
    refused(admin.get("/api/v1/statistics?hours=x"), 400, "hours")
    refused(admin.get("/api/v1/nothing"), 404)
    refused(admin.post("/api/v1/auth/login", content=b"{"), 400)
