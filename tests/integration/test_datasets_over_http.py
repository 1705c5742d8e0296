"""From labels and archives to dataset versions and back, through the gateway and the training service."""

import asyncio
import io
import json
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest

from andon.contracts import NotFound, auth, inspection, station
from andon.contracts.dataset import Format
from andon.contracts.inspection import Inspection
from andon.datasets import Limits, read
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.messaging import Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.storage import Blobs
from andon.testing import build, eventually
from andon.training.app import SERVICE as TRAINING
from andon.training.app import TrainingSettings

NOW = datetime(2026, 1, 31, 8, tzinfo=UTC)
URL = "/api/v1/datasets"


def plate(seed: int, suffix: str = ".png") -> bytes:
    generator = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(generator.normal(size=(96, 128)), (0, 0), 6)
    grey = np.clip(128 + 900 * grain + generator.normal(scale=2, size=grain.shape), 0, 255).astype(np.uint8)
    return cv2.imencode(suffix, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR))[1].tobytes()


@dataclass
class Line:
    """The rest of Andon: inspections with images, and what a station was taught with."""

    blobs: Blobs
    parts: dict[str, Inspection]
    samples: list[station.Sample]

    async def judge(self, number: int, part_id: str | None = None, data: bytes = b"") -> Inspection:
        data = data or plate(number)
        kept = build.stored_image(
            key=f"images/{number}", size=len(data), width=128, height=96, content_type="image/png",
            sha256=sha256(data).hexdigest(),
        )  # fmt: skip
        part = build.inspection(
            frame_id=str(number), part_id=part_id or f"part-{number}", image=kept, width=128, height=96,
            captured_at=NOW + timedelta(minutes=number),
        )  # fmt: skip
        await self.blobs.put(kept.key, data)
        self.parts[part.id] = part
        return part

    async def teach(self, count: int) -> None:
        for number in range(1000, 1000 + count):
            data, key = plate(number, ".jpg"), f"samples/{number}"
            await self.blobs.put(key, data)
            at = NOW + timedelta(seconds=number)
            digest = sha256(data).hexdigest()
            self.samples.append(station.Sample(frame_id=str(number), key=key, sha256=digest, captured_at=at))

    async def record(self, wanted, _) -> Inspection:
        if wanted.id not in self.parts:
            raise NotFound(f"there is no inspection '{wanted.id}'")
        return self.parts[wanted.id]

    async def taught(self, *_) -> station.Samples:
        return station.Samples(samples=tuple(self.samples))


@dataclass
class Rig:
    line: Line
    eve: httpx.AsyncClient
    """An operator."""
    carla: httpx.AsyncClient
    """An engineer."""

    async def done(self, answer: httpx.Response) -> dict:
        assert answer.status_code == 202, answer.text

        async def ended() -> dict | None:
            found = (await self.eve.get(f"{URL}/builds/{answer.json()['id']}")).raise_for_status().json()
            return found if found["ended_at"] else None

        found = await eventually(ended, within=40)
        assert found is not None
        return found

    async def made(self, **wanted) -> dict:
        """A version, built."""
        found = await self.done(await self.carla.post(URL, json={"dataset": "plates", **wanted}))
        assert found["state"] == "succeeded", found["message"]
        return (await self.eve.get(f"{URL}/{found['version_id']}")).raise_for_status().json()

    async def imported(self, data: bytes, form: Format | str, **fields) -> dict:
        files = {"file": ("set.zip", data)}
        fields = {"dataset": "plates", "format": str(form), **fields}
        return await self.done(await self.carla.post(f"{URL}/imports", files=files, data=fields))

    async def label(
        self, part: Inspection, *boxes: tuple[str, list[int]], verdict: str | None = None
    ) -> None:
        marks = [{"class_name": name, "bbox": box} for name, box in boxes]
        body = {"annotations": marks, "verdict": verdict}
        answer = await self.eve.post(f"/api/v1/active-learning/annotate/{part.id}", json=body)
        assert answer.status_code == 200, answer.text

    async def samples(self, version_id: str, **filters) -> list[dict]:
        answer = await self.eve.get(f"{URL}/{version_id}/samples", params={"limit": 500, **filters})
        return answer.raise_for_status().json()["items"]


@pytest.fixture
async def rig(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Rig]:
    key = new_private_key()
    keys, bus = Service("auth", bus_settings), Service("inspection", bus_settings)

    async def public(*_):
        return auth.Keys(keys=(Signer(key).public,))

    async def none_ended(*_):
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, none_ended)
    stores = {"bus": bus_settings, "mongo": mongo_settings, "s3": blob_settings}
    gateway = GatewaySettings(**stores, http=HttpSettings(port=0, drain=1))
    training = TrainingSettings(**stores, data=tmp_path / "training")
    async with keys, Blobs(blob_settings) as blobs:
        line = Line(blobs, {}, [])
        bus.answers(inspection.GET, line.record)
        bus.answers(inspection.HOLD, line.record)
        bus.answers(station.SAMPLES, line.taught)
        async with bus, serving(TRAINING, training), serving(GATEWAY, gateway) as up:

            def client(name: str, role: str) -> httpx.AsyncClient:
                user = auth.User(id=name, username=name, roles=(auth.Role(role),), created_at=NOW)
                token = Signer(key).sign(user, f"session-{name}")
                url, headers = f"http://127.0.0.1:{up.http_port}", {"Authorization": f"Bearer {token}"}
                return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)

            async with client("eve", "operator") as eve, client("carla", "engineer") as carla:
                yield Rig(line, eve, carla)


@pytest.mark.long
async def test_labels_and_taught_parts_become_a_version_that_grows_is_compared_and_approved(rig):
    await rig.line.teach(20)
    for number in range(10):
        part = await rig.line.judge(number)
        await rig.label(part, ("scratch", [10, 10, 40, 30]))
    twin = await rig.line.judge(50, "part-50", plate(7, ".jpg"))  # another part's file, and yet the same look
    await rig.label(twin, ("scratch", [10, 10, 40, 30]))
    await rig.label(await rig.line.judge(51), verdict="unsure")
    gone = await rig.line.judge(52)
    await rig.label(gone, verdict="good")
    await rig.line.blobs.delete("images/52")

    first = await rig.made(taught=True, stations=["default"])
    assert (first["number"], first["approval"], first["by"]) == (1, "draft", "carla")
    counts = first["counts"]
    assert (counts["samples"], counts["verdicts"]) == (31, {"good": 20, "defect": 11})
    assert (counts["groups"], counts["classes"]) == (30, {"scratch": 11})
    assert set(first["notes"]) == {
        "1 images left out: no longer there", "1 images left out: nobody could tell what they are",
    }  # fmt: skip
    samples = await rig.samples(first["id"])
    split_of = {each["inspection_id"] or each["sha256"]: each["split"] for each in samples}
    assert split_of[twin.id] == split_of[list(rig.line.parts)[7]]
    assert Counter(each["split"] for each in samples if each["verdict"] == "good") == {
        "train": 14, "val": 3, "test": 3,
    }  # fmt: skip
    picture = await rig.eve.get(f"{URL}/images/{samples[0]['sha256']}")
    assert sha256(picture.content).hexdigest() == samples[0]["sha256"]
    assert len(await rig.samples(first["id"], verdict="defect", class_name="scratch", split="test")) == len(
        [each for each in samples if each["verdict"] == "defect" and each["split"] == "test"]
    )

    again = await rig.made(taught=True, stations=["default"], description="the same")
    assert (again["id"], again["number"]) == (first["id"], 1)
    await rig.label(await rig.line.judge(60), ("dent", [1, 1, 9, 9]))
    await rig.label(next(iter(rig.line.parts.values())), verdict="good")
    second = await rig.made(base="latest")
    assert (second["number"], second["base"]) == (2, first["id"])
    diff = (await rig.eve.get(f"{URL}/{second['id']}/diff", params={"other": first["id"]})).json()
    assert (diff["added"], diff["removed"], diff["relabelled"], diff["moved"], diff["same"]) == (
        1,
        0,
        1,
        0,
        30,
    )
    listed = (await rig.eve.get(URL, params={"dataset": "plates"})).json()
    assert [each["number"] for each in listed["items"]] == [2, 1]

    url = f"{URL}/{second['id']}/approval"
    assert (await rig.eve.post(url)).status_code == 403
    approved = (await rig.carla.post(url, json={"note": "looked through"})).json()
    assert (approved["approval"], approved["approved_by"]) == ("approved", "carla")
    assert (await rig.carla.post(url, json={"approved": False})).json()["approval"] == "rejected"
    assert (await rig.eve.get(URL, params={"approval": "rejected"})).json()["total"] == 1

    third = await rig.made(dataset="others")
    await rig.line.blobs.put(third["manifest_key"], b"{}")
    url = f"{URL}/{third['id']}"
    assert (await rig.eve.get(f"{url}/samples")).status_code == 422
    damaged = await rig.done(await rig.carla.post(URL, json={"dataset": "others", "base": third["id"]}))
    assert (damaged["state"], "damaged" in damaged["message"]) == ("failed", True)
    assert (await rig.eve.get(f"{url}/export")).status_code == 422


@pytest.mark.long
async def test_what_is_exported_is_imported_as_it_was(rig, tmp_path):
    for number in range(6):
        await rig.label(
            await rig.line.judge(number), ("scratch", [10, 10, 40, 30]), ("dent", [60, 50, 90, 80])
        )
    for number in range(6, 12):
        await rig.label(await rig.line.judge(number), verdict="good")
    version = await rig.made()
    before = {each["sha256"]: each for each in await rig.samples(version["id"])}
    for form in Format:
        async with rig.eve.stream("GET", f"{URL}/{version['id']}/export", params={"format": form}) as answer:
            assert answer.headers["content-type"] == "application/zip"
            assert "content-length" not in answer.headers
            data = await answer.aread()
        path = Path(tmp_path / f"{form}.zip")
        await asyncio.to_thread(path.write_bytes, data)
        with read(path, form, Limits()) as reading:
            assert {sha256(each.data).hexdigest() for each in reading.images} == before.keys()
        build = await rig.imported(data, form, dataset=f"from-{form}", station_id="line-9")
        assert build["state"] == "succeeded", build["message"]
        after = {each["sha256"]: each for each in await rig.samples(build["version_id"])}
        for name, each in before.items():
            other = after[name]
            assert (other["verdict"], other["station_id"]) == (each["verdict"], "line-9")
            if form is not Format.MVTEC:
                assert [shape["bbox"] for shape in other["shapes"]] == [
                    shape["bbox"] for shape in each["shapes"]
                ]
                assert (other["split"], other["classes"]) == (each["split"], each["classes"])
    own = await rig.eve.get(f"{URL}/{version['id']}/export", params={"format": "andon"})
    assert sha256(own.content).hexdigest() == version["id"]
    assert await rig.line.blobs.list("imports/") == []


def packed(**files: bytes | str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return out.getvalue()


@pytest.mark.long
async def test_archives_that_can_not_be_are_refused_with_their_reason(rig):
    image = plate(1)
    box = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [100, 10, 60, 10]}
    listed = {"images": [{"id": 1, "file_name": "a.png"}], "categories": [{"id": 1, "name": "dent"}]}
    outside = packed(a_dot_png=image, x_dot_json=json.dumps({**listed, "annotations": [box]}))
    for data, form, told in (
        (b"no zip at all", "coco", "not a zip"),
        (packed(a_dot_png=image)[:-30], "coco", "archive"),
        (packed(a_dot_png=image), "yolo", "labels"),
        (outside, "coco", "box 100, 10, 160, 20 does not lie in the image 128 x 96"),
        (packed(a_dot_png=b"not an image", a_dot_txt=""), "yolo", "a.png"),
        (packed(a_dot_png=image, a_dot_xml=b" " * (100 << 20)), "voc", "larger than"),
        (packed(train__good__a_dot_png=b"\x89PNG\r\n\x1a\n" + image[8:600]), "mvtec", "a.png"),
    ):
        found = await rig.imported(data, form)
        assert (found["state"], told in found["message"]) == ("failed", True), found["message"]
    assert (await rig.eve.get(URL)).json()["total"] == 0
    assert await rig.line.blobs.list("imports/") == []
    files = {"file": ("set.zip", outside)}
    for fields, status in (
        ({"dataset": "plates", "format": "tfrecord"}, 400),
        ({"dataset": "a/b", "format": "coco"}, 400),
        ({"dataset": "plates", "format": "coco", "base": "latest"}, 404),
        ({"dataset": "plates", "format": "coco", "base": "f" * 64}, 404),
        ({"format": "coco"}, 400),
    ):
        answer = await rig.carla.post(f"{URL}/imports", files=files, data=fields)
        assert (answer.status_code, "detail" in answer.json()) == (status, True), answer.text
    assert await rig.line.blobs.list("imports/") == []
    assert (await rig.eve.post(f"{URL}/imports", files=files)).status_code == 403

    same = packed(train__good__a_dot_png=image, train__good__b_dot_png=image)
    found = await rig.imported(same, "mvtec")
    assert found["state"] == "succeeded"
    assert "came more than once" in found["message"]
    assert "there is one image only" in found["message"]


async def test_builds_that_can_not_be_are_refused_by_their_field(rig):
    for body, field in (
        ({"dataset": "a b"}, "dataset"),
        ({"dataset": "a", "annotations": False}, "annotations"),
        ({"dataset": "a", "taught": True}, "stations"),
        ({"dataset": "a", "fractions": {"train": 0.5, "val": 0.1, "test": 0.1}}, "fractions"),
        ({"dataset": "a", "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, "since"),
        ({"dataset": "a", "since": "2026-01-02T00:00:00"}, "since"),
        ({"dataset": "a", "base": "short"}, "base"),
        ({"dataset": "a", "anotations": True}, "anotations"),
    ):
        answer = await rig.carla.post(URL, json=body)
        assert (answer.status_code, field in answer.json()["detail"]) == (400, True), answer.text
    assert (await rig.eve.post(URL, json={"dataset": "a"})).status_code == 403
    nothing = await rig.done(await rig.carla.post(URL, json={"dataset": "a"}))
    assert (nothing["state"], "no sample" in nothing["message"]) == ("failed", True)
    for path in (
        f"/{'f' * 64}",
        f"/{'f' * 64}/samples",
        f"/{'f' * 64}/export",
        f"/images/{'f' * 64}",
        "/builds/x",
    ):
        assert (await rig.eve.get(URL + path)).status_code == 404, path
    assert (await rig.eve.get(f"{URL}/short")).status_code == 400
