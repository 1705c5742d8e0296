"""Records, their table, their pictures and their end, through the gateway and the inspection service."""

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from PIL import Image

from andon.contracts import auth
from andon.contracts.inspection import Decision
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.inspection.app import SERVICE as INSPECTION
from andon.inspection.app import InspectionSettings
from andon.inspection.store.records import RecordStore
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.storage import Blobs, Mongo
from andon.testing import build

NOW = datetime.now(UTC)
COUNT = 2600


@pytest.fixture
async def client(bus_settings, mongo_settings, blob_settings, tmp_path):
    """An engineer's, with a gateway and an inspection service behind it."""
    key = new_private_key()
    keys = Service("auth", bus_settings)

    async def public(*_):
        return auth.Keys(keys=(Signer(key).public,))

    async def none_ended(*_):
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, none_ended)
    stores = {"bus": bus_settings, "mongo": mongo_settings, "s3": blob_settings}
    inspecting = InspectionSettings(**stores, data=tmp_path)
    gateway = GatewaySettings(**stores, http=HttpSettings(port=0, drain=1))
    user = auth.User(id="u", username="eve", roles=(auth.Role("engineer"),), created_at=NOW)
    headers = {"Authorization": f"Bearer {Signer(key).sign(user, 'session-1')}"}
    async with keys, serving(INSPECTION, inspecting), serving(GATEWAY, gateway) as running:
        url = f"http://127.0.0.1:{running.http_port}/api/v1"
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as client:
            yield client


@pytest.fixture
async def store(mongo_settings):
    async with Mongo(mongo_settings) as mongo:
        yield RecordStore(mongo.database("inspection"))


async def listed(client, **filters) -> list[dict]:
    items: list[dict] = []
    while True:
        answer = await client.get("/inspections", params=filters | {"limit": 500, "offset": len(items)})
        page = answer.raise_for_status().json()
        items += page["items"]
        if len(items) >= page["total"]:
            return items


async def table(client, **filters) -> list[dict[str, str]]:
    answer = await client.get("/export/csv", params=filters)
    return list(csv.DictReader(io.StringIO(answer.raise_for_status().text)))


def line(item: dict) -> dict[str, str]:
    """An item of the list as the table should have it."""
    moment = datetime.fromisoformat(item["timestamp"]).isoformat()
    part = item["part_id"] or ""
    return {
        "ID": item["id"],
        "Timestamp": moment,
        "Station": item["station_id"],
        "Part ID": f"'{part}" if part.startswith("=") else part,
        "Decision": item["decision"],
        "Confidence": f"{item['confidence']:.4f}",
        "Objects Found": str(item["objects_found"]),
        "Total Time (ms)": f"{item['total_time_ms']:g}",
    }


@pytest.mark.long
async def test_the_table_is_the_list_row_for_row(client, store):
    parts = [
        build.inspection(
            frame_id=f"f{number}",
            station_id=f"s{number % 3}",
            part_id=("=1+1", 'quote " and, comma', "Ä零\u2028", None)[number % 4],
            decision=list(Decision)[number % 5 % 3],
            judged_at=NOW - timedelta(minutes=number, microseconds=number % 7),
        )
        for number in range(COUNT)
    ]
    await asyncio.gather(*map(store.record, parts))
    items = await listed(client)
    assert len(items) == COUNT
    assert await table(client) == [line(item) for item in items]

    day = (NOW - timedelta(days=1)).strftime("%Y-%m-%d")
    of_day = [item for item in items if item["timestamp"].startswith(day)]
    assert 0 < len(of_day) < COUNT
    some = {"station_id": "s1", "decision": "fail"}
    wanted = [item for item in of_day if item.items() >= some.items()]
    assert await table(client, start_date=day, end_date=day, **some) == [line(item) for item in wanted]
    assert await listed(client, since=day, until=day, part_id="=1+1") == [
        item for item in of_day if item["part_id"] == "=1+1"
    ]


async def test_a_part_is_seen_held_reported_and_deleted_with_its_pictures(client, store, blob_settings):
    out = io.BytesIO()
    Image.new("RGB", (800, 600), "red").save(out, "JPEG")
    kept = build.stored_image(key="images/x.jpg", size=len(out.getvalue()), sha256="")
    part = build.inspection(judged_at=NOW, part_id="零-7", image=kept)
    async with Blobs(blob_settings) as blobs:
        await blobs.put("images/x.jpg", out.getvalue())
        await store.record(part)
        [item] = await listed(client, part_id="零-7")
        thumbnail = await client.get(f"http://{client.base_url.netloc.decode()}{item['thumbnail']}")
        assert Image.open(io.BytesIO(thumbnail.content)).size == (256, 192)
        assert (await client.get(f"/inspect/{part.id}/report.pdf")).content.startswith(b"%PDF")
        used = (await client.get("/storage/usage")).json()
        assert (used["images_gb"], used["inspections"]) == (kept.size / 2**30, 1)
        assert used["database_mb"] > 0

        assert (await client.post(f"/inspect/{part.id}/hold")).json()["holds"][0]["by"] == "eve"
        refused = await client.delete(f"/inspect/{part.id}")
        assert (refused.status_code, "release it first" in refused.json()["detail"]) == (409, True)
        assert (await client.delete(f"/inspect/{part.id}/hold")).json()["holds"] == []
        assert (await client.delete(f"/inspect/{part.id}")).json() == {"id": part.id, "status": "deleted"}
        assert await blobs.list("images/") == []
    for path in ("", "/report.pdf", "/hold"):
        method = "POST" if path == "/hold" else "GET"
        assert (await client.request(method, f"/inspect/{part.id}{path}")).status_code == 404
    assert (await client.get(thumbnail.url)).status_code == 404
    assert (await client.get("/storage/usage")).json()["stations"] == []


async def test_a_cleanup_over_http_takes_what_is_old(client, store):
    for number, days in enumerate((0, 200, 200)):
        decision = Decision.FAIL if number == 2 else Decision.PASS
        at = NOW - timedelta(days=days)
        await store.record(build.inspection(frame_id=f"f{number}", judged_at=at, decision=decision))
    told = (await client.post("/storage/cleanup", params={"days": 90})).json()
    assert (told["inspections_removed"], told["held"], told["complete"]) == (1, 1, True)
    cutoff = datetime.fromisoformat(told["cutoff_date"])
    assert timedelta(days=90) <= datetime.now(UTC) - cutoff <= timedelta(days=90, hours=1, minutes=1)
    assert {item["frame_id"] for item in await listed(client)} == {"f0", "f2"}
