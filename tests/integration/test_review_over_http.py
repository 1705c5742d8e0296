"""From judged parts to labeled ones, through the gateway, the inspection and the training service."""

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import cv2
import httpx
import numpy as np
import pytest

from andon.contracts import auth, inspection, review
from andon.contracts.annotation import Annotation
from andon.contracts.inspection import Detection, Inspection
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.inspection.app import SERVICE as INSPECTION
from andon.inspection.app import InspectionSettings
from andon.inspection.store.records import RecordStore
from andon.messaging import Delivery, Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.storage import Blobs, Mongo
from andon.testing import build, eventually
from andon.training.app import SERVICE as TRAINING
from andon.training.app import TrainingSettings
from andon.training.review.app import ReviewSettings

pytestmark = pytest.mark.long

NOW = datetime.now(UTC)
URL = "/api/v1/active-learning"


def plate(seed: int, *, scratched: bool = False) -> bytes:
    """A grained plate, never twice the same; the scratch always is."""
    generator = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(generator.normal(size=(240, 320)), (31, 3), 0)
    image = np.repeat((130 + 60 * grain + generator.normal(scale=2, size=grain.shape))[..., None], 3, axis=2)
    if scratched:
        cv2.line(image, (120, 90), (170, 130), (20, 20, 20), 3, cv2.LINE_AA)
    return cv2.imencode(".png", np.clip(image, 0, 255).astype(np.uint8))[1].tobytes()


def odd() -> bytes:
    """Nothing like a plate."""
    rows, columns = np.mgrid[:240, :320]
    board = (((rows // 20) + (columns // 20)) % 2 * 255).astype(np.uint8)
    return cv2.imencode(".png", np.stack([board, 255 - board, board // 2], axis=2))[1].tobytes()


SCRATCH = Detection(class_name="anomaly", confidence=0.5, bbox=(118, 88, 172, 132), peak_score=0.7)


@dataclass
class Line:
    """A line without cameras: parts come with their records made up and their images real."""

    bus: Service
    records: RecordStore
    blobs: Blobs
    client: Callable[..., httpx.AsyncClient]
    heard: list[Annotation] = field(default_factory=list)

    async def judge(self, name: str, data: bytes = b"", **changes) -> Inspection:
        data = data or plate(len(name))
        image = build.stored_image(
            key=f"images/{name}.png", content_type="image/png", size=len(data), width=320, height=240,
            sha256=hashlib.sha256(data).hexdigest(),
        )  # fmt: skip
        defaults = {"station_id": "line-1", "width": 320, "height": 240, "judged_at": NOW, "image": image}
        part = build.inspection(frame_id=name, part_id=name, **{**defaults, **changes})
        await self.blobs.put(image.key, data)
        await self.records.record(part)
        await self.bus.say(inspection.PART_JUDGED, part)
        return part

    async def hear(self, annotation, _: Delivery) -> None:
        self.heard.append(annotation)


@pytest.fixture
async def line(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Line]:
    key = new_private_key()
    keys, bus = Service("auth", bus_settings), Service("line", bus_settings)

    async def public(*_):
        return auth.Keys(keys=(Signer(key).public,))

    async def none_ended(*_):
        return auth.EndedSessions(session_ids=())

    async def beginning() -> int:
        return 0

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, none_ended)
    stores = {"bus": bus_settings, "mongo": mongo_settings, "s3": blob_settings}
    gateway = GatewaySettings(**stores, http=HttpSettings(port=0, drain=1))
    looks = ReviewSettings(looks_per_minute=10_000, probes_per_minute=10_000)
    training = TrainingSettings(**stores, data=tmp_path / "training", review=looks)
    inspecting = InspectionSettings(**stores, data=tmp_path / "inspection")
    async with (
        keys,
        Blobs(blob_settings) as blobs,
        Mongo(mongo_settings) as mongo,
        serving(INSPECTION, inspecting),
        serving(TRAINING, training),
        serving(GATEWAY, gateway) as up,
    ):

        def client(name: str = "eve", role: str = "operator") -> httpx.AsyncClient:
            user = auth.User(id=name, username=name, roles=(auth.Role(role),), created_at=NOW)
            token = Signer(key).sign(user, f"session-{name}")
            url, headers = f"http://127.0.0.1:{up.http_port}", {"Authorization": f"Bearer {token}"}
            return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)

        line = Line(bus, RecordStore(mongo.database("inspection")), blobs, client)
        bus.follows([review.ANNOTATION_MADE], line.hear, after=beginning)
        async with bus:
            yield line


async def queue(client: httpx.AsyncClient, **filters) -> list[dict]:
    answer = await client.get(f"{URL}/queue", params={"limit": 200, **filters})
    return answer.raise_for_status().json()["items"]


async def waiting(client: httpx.AsyncClient, count: int) -> list[dict]:
    async def there() -> bool:
        return len(await queue(client)) >= count

    await eventually(there, within=30)
    return await queue(client)


async def test_people_are_asked_about_what_is_unclear_and_not_about_twenty_copies_of_it(line):
    async with line.client() as client, line.client("carla", "engineer") as engineer:
        put = await engineer.put(f"{URL}/policies/line-1", json={"audit_share": 0})
        assert (put.status_code, put.json()["changed_by"]) == (200, "carla")
        await line.judge("clear", confidence=0.5)
        await line.judge("unsure", plate(1), decision="uncertain", confidence=0.07)
        await line.judge("close", plate(2), anomaly_score=0.48, confidence=0.12)
        await line.judge("unseen", decision="uncertain", image=None)
        for number in range(20):
            image = plate(100 + number, scratched=True)
            await line.judge(
                f"copy-{number}", image, decision="fail", confidence=0.6 + number / 100, detections=(SCRATCH,)
            )
        await line.judge("last", odd(), decision="uncertain", confidence=0.9)

        async def all_looked_at() -> bool:
            items = await queue(client)
            return sum(1 + item["similar"] for item in items) == 23

        await eventually(all_looked_at, within=40)
        items = await queue(client)
        names = [item["part_id"] for item in items]
        assert names[:2] == ["unsure", "close"]
        assert names[-1] == "last"
        assert len([name for name in names if name.startswith("copy")]) == 3
        assert [item["confidence"] for item in items] == sorted(item["confidence"] for item in items)
        assert [item["reasons"] for item in items[:3]] == [["uncertain"], ["borderline"], ["doubtful"]]
        assert (await client.get(items[0]["image_url"])).content == plate(1)
        assert [item["part_id"] for item in await queue(client, limit=1)] == ["unsure"]
        stats = (await client.get(f"{URL}/stats")).json()
        assert (stats["pending"], stats["labeled"], stats["trained"], stats["total"]) == (6, 0, 0, 6)
        assert stats["reasons"] == {"uncertain": 2, "borderline": 1, "doubtful": 3}
        advice = (await client.get(f"{URL}/check-retrain")).json()
        assert (advice["recent"], advice["retrain"]) == (25, False)

        await engineer.delete(f"/api/v1/inspect/{items[0]['id']}")

        async def gone() -> bool:
            return "unsure" not in [item["part_id"] for item in await queue(client)]

        assert await eventually(gone, within=10)


async def test_what_was_never_seen_is_asked_about_though_it_passed(line):
    async with line.client() as client, line.client("carla", "engineer") as engineer:
        await engineer.put(f"{URL}/policies/line-1", json={"audit_share": 0})
        for number in range(25):
            await line.judge(f"plate-{number}", plate(number))
        await line.judge("odd", odd())
        [item] = await waiting(client, 1)
        assert (item["part_id"], item["reasons"]) == ("odd", ["novel"])

        later = NOW + timedelta(seconds=1)
        cleanup = inspection.EvidenceRemoved(
            cutoff=later, records_cutoff=NOW, deleted_count=26, inspections_removed=0, evidence_removed=26,
            freed_bytes=1, held=0, complete=True, by="eve", at=later,
        )  # fmt: skip
        await line.bus.say(inspection.EVIDENCE_REMOVED, cleanup)

        async def gone() -> bool:
            return await queue(client) == []

        assert await eventually(gone, within=10)


async def test_an_annotation_labels_holds_and_is_told(line):
    async with line.client() as client, line.client("carla", "engineer") as engineer:
        part = await line.judge("unsure", decision="uncertain")
        await waiting(client, 1)
        url = f"{URL}/annotate/{part.id}"
        marked = {"class_name": "scratch", "bbox": [10, 20, 100, 80]}
        for body, field_name in (
            ({"annotations": [{"class_name": "scratch", "bbox": [10, 20, 321, 80]}]}, "annotations.0.bbox"),
            ({"annotations": [{"class_name": "scratch", "bbox": [10, 20, 10, 80]}]}, "bbox"),
            ({"annotations": [{"class_name": "scratch", "bbox": [10, 20, 80]}]}, "bbox"),
            ({"annotations": [{"class_name": "a/b", "bbox": [1, 2, 3, 4]}]}, "class_name"),
            ({"annotations": [{"class_name": "scratch"}]}, "annotations.0"),
            ({"annotations": [{**marked, "polygon": [[10, 20], [99, 20]]}]}, "polygon"),
            ({"annotations": [marked], "verdict": "good"}, "annotations"),
            ({"annotations": [], "verdict": "defect"}, "annotations"),
            ({"annotations": [], "verdict": "bad"}, "verdict"),
            ({}, "verdict"),
            ({"annotation": [marked]}, "annotation"),
        ):
            answer = await client.post(url, json=body)
            assert (answer.status_code, field_name in answer.json()["detail"]) == (400, True), answer.text
        assert (await client.post(f"{URL}/annotate/unknown", json={"verdict": "good"})).status_code == 404
        assert (await client.post(url, json={"verdict": "good", "final": True})).status_code == 403
        assert (await client.get(f"{URL}/stats")).json()["labeled"] == 0

        body = {"annotations": [marked], "reviewed_by": "operator1"}
        answer = await client.post(url, json=body)
        found = answer.raise_for_status().json()
        assert (found["status"], found["verdict"], found["reviewed_by"]) == ("labeled", "defect", ["eve"])
        held = (await client.get(f"/api/v1/inspect/{part.id}")).json()["holds"]
        assert [(hold["reason"], hold["by"]) for hold in held] == [("labelled", "eve")]
        assert (await engineer.delete(f"/api/v1/inspect/{part.id}")).status_code == 409
        assert await queue(client) == []
        [said] = (await client.get(f"{URL}/items/{part.id}")).json()["annotations"]
        assert (said["by"], said["reviewed_by"], said["counts"]) == ("eve", "operator1", True)
        assert said["annotations"][0]["bbox"] == [10, 20, 100, 80]

        outlined = {"class_name": "scratch", "polygon": [[10.5, 20], [99.2, 25], [50, 70]]}
        await client.post(url, json={"annotations": [outlined], "note": "better"})
        await eventually(lambda: len(line.heard) == 2, within=10)
        assert line.heard[0].id == line.heard[1].id
        assert line.heard[1].shapes[0].bbox == (10, 20, 100, 70)
        assert line.heard[1].image.sha256 == part.image.sha256
        assert (await client.get(f"{URL}/stats")).json()["labeled"] == 1
        learned = review.Learned(version_id="model-1", sha256=("0" * 64, part.image.sha256))
        await line.bus.say(review.LEARNED, learned)

        async def trained() -> bool:
            return (await client.get(f"{URL}/stats")).json()["trained"] == 1

        assert await eventually(trained, within=10)
        other = await line.judge("never-asked")
        assert (await client.post(f"{URL}/annotate/{other.id}", json={"verdict": "good"})).status_code == 200
        bare = await line.judge("bare", image=None)
        assert (await client.post(f"{URL}/annotate/{bare.id}", json={"verdict": "good"})).status_code == 409


async def test_two_people_have_to_agree_where_the_station_wants_it(line):
    people = [line.client(name) for name in ("eve", "adam")]
    async with people[0] as eve, people[1] as adam, line.client("carla", "engineer") as carla:
        assert (await eve.put(f"{URL}/policies/line-1", json={"reviewers": 2})).status_code == 403
        await carla.put(f"{URL}/policies/line-1", json={"reviewers": 2, "classes": ["scratch", "dent"]})
        part = await line.judge("unsure", decision="uncertain")
        await waiting(eve, 1)
        url = f"{URL}/annotate/{part.id}"
        unknown = await eve.post(url, json={"annotations": [{"class_name": "blob", "bbox": [1, 2, 30, 40]}]})
        assert (unknown.status_code, "blob" in unknown.json()["detail"]) == (400, True)
        scratch = {"annotations": [{"class_name": "scratch", "bbox": [10, 20, 100, 80]}]}
        assert (await eve.post(url, json=scratch)).json()["status"] == "pending"
        assert (await eve.post(url, json=scratch)).json()["status"] == "pending"
        assert await queue(eve) == []
        assert len(await queue(adam)) == 1
        disputed = (await adam.post(url, json={"verdict": "good"})).json()
        assert (disputed["status"], disputed["disputed"]) == ("pending", True)
        assert line.heard == []
        assert (await carla.get(f"{URL}/stats")).json()["disputed"] == 1
        last = {**scratch, "final": True}
        settled = (await carla.post(url, json=last)).json()
        assert (settled["status"], settled["verdict"], settled["disputed"]) == ("labeled", "defect", False)
        await eventually(lambda: len(line.heard) == 1, within=10)
        assert line.heard[0].by == "carla"
