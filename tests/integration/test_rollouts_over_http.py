"""The loop's last steps through the gateway: deploy, canary, promote, a spoiled version, and the way back."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from andon.contracts import auth
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from rollout_line import Plant, model_bytes, other_shape_model, running_plant

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]


@dataclass
class Site:
    plant: Plant
    engineer: httpx.AsyncClient

    async def get(self, path: str) -> Any:
        answer = await self.engineer.get(f"/api/v1/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: Any = None) -> Any:
        answer = await self.engineer.post(f"/api/v1/{path}", json=body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()


@pytest.fixture
async def site(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Site]:
    key, keys = new_private_key(), Service("auth", bus_settings)

    async def public(*_: object) -> auth.Keys:
        return auth.Keys(keys=(Signer(key).public,))

    async def ended(*_: object) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, ended)
    settings = GatewaySettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1)
    )
    user = auth.User(id="u", username="eve", roles=(auth.Role.ENGINEER,), created_at=datetime.now(UTC))
    headers = {"Authorization": f"Bearer {Signer(key, lifetime=600).sign(user, 'session')}"}
    async with (
        running_plant(bus_settings, mongo_settings, blob_settings, tmp_path) as plant,
        keys,
        serving(GATEWAY, settings) as running,
        httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{running.http_port}", headers=headers, timeout=70
        ) as engineer,
    ):
        yield Site(plant, engineer)


async def test_from_a_canary_to_a_spoiled_version_and_back(site):
    plant = site.plant
    await plant.version("v-1", model_bytes(128), dataset_version="d-1", job_id="fit-1")
    await plant.version("v-2", model_bytes(126), dataset_version="d-2", job_id="fit-2", parent="v-1")
    await plant.version("v-bad", model_bytes(10))
    await plant.version("v-odd", other_shape_model())
    await site.post("models/v-1/deploy")
    await plant.show(20)

    [begun] = (await site.post("models/v-2/canary", {"share": 0.5}))["rollouts"]
    await plant.show(20)

    async def counted() -> bool:
        one = await site.get(f"rollouts/{begun['id']}")
        return one["new"]["parts"] + one["old"]["parts"] == 20

    await eventually(counted)
    promoted = await site.post(f"rollouts/{begun['id']}/promote", {"reason": "as good"})
    assert promoted["state"] == "promoted"
    [active] = [each for each in (await site.get("models/active"))["active"] if each["station_id"] == "line"]
    assert (active["version_id"], active["trial"]["role"]) == ("v-2", "watch")

    refused = await site.engineer.post("/api/v1/models/v-odd/deploy")
    assert (refused.status_code, "refused" in refused.json()["detail"]) == (422, True)
    parts = await plant.show(40)
    assert {part.model_version for part in parts} == {"v-2"}

    await site.post("models/v-bad/deploy", {"note": "on purpose"})
    await plant.show(40)

    async def back() -> bool:
        history = (await site.get("models/history?station_id=line"))["versions"]
        return history[0]["kind"] == "automatic-rollback"

    await eventually(back)
    told = (await site.get("models/history?station_id=line"))["versions"]
    assert [each["version_id"] for each in told] == ["v-2", "v-bad", "v-2", "v-1"]
    assert "pass rate" in told[0]["note"]
    last = (await plant.show(1))[0]
    assert last.model_version == "v-2"

    lineage = await site.get(f"lineage/inspections/{last.id}")
    assert lineage["part"]["model_version"] == "v-2"
    assert [(each["version_id"], each["dataset_version"]) for each in lineage["versions"]] == [
        ("v-2", "d-2"),
        ("v-1", "d-1"),
    ]
    bad = await site.get("lineage/models/v-bad/inspections?limit=500")
    judged_bad = {part.id for part in plant.parts.values() if part.model_version == "v-bad"}
    assert {part["id"] for part in bad["parts"]} == judged_bad
    assert len(judged_bad) >= 30
    assert (await site.get("drift"))["hours"] == []
