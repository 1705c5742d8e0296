"""Many clients at two gateways see one Andon, and each gets what is its own."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect
from whole_andon import MODEL, STATION, Andon, inspected, picture, signed_in, until

CLIENTS, PARTS = 8, 4


@pytest.fixture(scope="module")
def here(andon: Andon) -> Iterator[httpx.Client]:
    with signed_in(andon) as client:
        yield client


@pytest.fixture(scope="module")
def there(andon: Andon) -> Iterator[httpx.Client]:
    """Signed in at the other gateway."""
    with signed_in(andon, url=andon.other_url) as client:
        yield client


@pytest.mark.long
def test_clients_that_use_one_file_name_at_once_each_get_their_own_part(andon: Andon, here: httpx.Client):
    places = {
        f"part {client}-{number}": (10 + 70 * client, 20 + 120 * number)
        for client in range(CLIENTS)
        for number in range(PARTS)
    }

    def sent(client: int) -> list[tuple[str, bytes, dict[str, Any]]]:
        with httpx.Client(base_url=andon.url, timeout=60, headers=here.headers) as own:
            mine = [name for name in places if name.startswith(f"part {client}-")]
            images = {name: picture(spot=255, at=places[name]) for name in mine}
            return [(name, image, inspected(own, image, part_id=name)) for name, image in images.items()]

    with ThreadPoolExecutor(CLIENTS) as clients:
        answers = [each for found in clients.map(sent, range(CLIENTS)) for each in found]

    assert len({part["id"] for _, _, part in answers}) == len(places)
    for name, image, part in answers:
        assert (part["decision"], part["part_id"]) == ("fail", name)
        (spot,) = part["detections"]
        left, top = places[name]
        x1, y1, x2, y2 = spot["bbox"]
        assert (x1, y1, x2, y2) == pytest.approx((left, top, left + 100, top + 100), abs=25), name
        assert here.get(f"/api/v1/inspect/{part['id']}").json()["detections"] == part["detections"]
        assert here.get(part["image_url"]).content == image


def test_a_part_that_one_gateway_took_is_known_at_the_other(
    andon: Andon, here: httpx.Client, there: httpx.Client
):
    before = there.get("/api/v1/statistics").json()["total_inspections"]
    token = there.headers["Authorization"].removeprefix("Bearer ")
    address = andon.other_url.replace("http", "ws") + f"/ws/dashboard?token={token}"
    with connect(address, proxy=None) as socket:
        part = inspected(here, picture(spot=255))
        heard: dict[str, Any] = {}
        while heard.get("type") != "inspection":
            heard = json.loads(socket.recv(20))
    assert heard["data"]["id"] == part["id"]
    # Whoever has heard of the part never gets older counts from there.
    assert there.get("/api/v1/statistics").json()["total_inspections"] == before + 1
    trend = there.get("/api/v1/trends").json()
    assert sum(trend["total"]) == before + 1
    assert there.get("/api/v1/inspections").json()["items"][0]["id"] == part["id"]
    assert there.get(part["image_url"]).content == picture(spot=255)

    assert there.delete(f"/api/v1/inspect/{part['id']}").status_code == 200
    until(lambda: here.get("/api/v1/statistics").json()["total_inspections"] == before)
    assert here.get(f"/api/v1/inspect/{part['id']}").status_code == 404


def test_a_batch_job_is_one_at_both_gateways(andon: Andon, here: httpx.Client, there: httpx.Client):
    folder = andon.place.data / "pictures" / "both"
    folder.mkdir()
    (folder / "part.jpg").write_bytes(picture())
    body = {"name": "both", "input_dir": str(folder), "file_pattern": "*.jpg", "station_id": STATION}
    job = f"/api/v1/batch/jobs/{here.post('/api/v1/batch/jobs', json=body).json()['id']}"
    assert there.get(job).json()["status"] == "pending"
    assert there.post(f"{job}/start").status_code == 200
    until(lambda: here.get(job).json()["status"] == "completed")
    assert here.post(f"{job}/cancel").status_code == there.post(f"{job}/cancel").status_code == 409


def test_a_station_and_its_model_are_one_at_both_gateways(here: httpx.Client, there: httpx.Client):
    assert here.put("/api/v1/stations/both", json={"name": "Both"}).status_code == 200
    assert there.post(f"/api/v1/models/{MODEL}/deploy", json={"station_ids": ["both"]}).status_code == 200
    until(lambda: here.get("/api/v1/stations/both").json()["mode"] == "judge")
    assert inspected(here, picture(spot=255), station_id="both")["decision"] == "fail"
    assert inspected(there, picture(), station_id="both")["decision"] == "pass"


def test_figures_of_a_station_are_of_that_station_alone(here: httpx.Client):
    for station in ("even", "spotted"):
        assert here.put(f"/api/v1/stations/{station}", json={}).status_code == 200
    here.post(f"/api/v1/models/{MODEL}/deploy", json={"station_ids": ["even", "spotted"]})
    for station in ("even", "spotted"):
        path = f"/api/v1/stations/{station}"
        until(lambda path=path: here.get(path).json()["mode"] == "judge")
    good = [inspected(here, picture(), station_id="even") for _ in range(3)]
    inspected(here, picture(spot=255), station_id="spotted")
    even = here.get("/api/v1/statistics?station_id=even").json()
    assert (even["total_inspections"], even["passed"], even["pass_rate"]) == (3, 3, 1)
    assert even["defect_breakdown"] == {}
    mean = sum(part["total_time_ms"] for part in good) / 3
    assert even["avg_inspection_time_ms"] == pytest.approx(mean, rel=0.01, abs=0.01)
    spotted = here.get("/api/v1/statistics?station_id=spotted").json()
    assert sum(spotted["defect_breakdown"].values()) == 1


def test_a_session_that_ends_at_one_gateway_is_over_at_the_other(andon: Andon):
    with signed_in(andon) as here, httpx.Client(base_url=andon.other_url, headers=here.headers) as there:
        assert there.get("/api/v1/auth/me").status_code == 200
        assert here.post("/api/v1/auth/logout").status_code == 200
        began = time.monotonic()
        until(lambda: there.get("/api/v1/auth/me").status_code == 401)
        assert time.monotonic() - began < 5
