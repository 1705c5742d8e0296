"""What a helper's worker and a person say to the component store, through the gateway, with real services."""

import asyncio
import base64
import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import xxhash
from typer.testing import CliRunner

from andon.component_store.command import app as command
from andon.messaging import BusSettings
from andon.runtime import HttpSettings, serving
from andon.runtime.registry import definition_of
from andon.security import PasswordCost
from andon.storage import MongoSettings, S3Settings

NET, NET2 = "class ResNet:\n    depth = 18\n", "class ResNet:\n    depth = 34\n"


@dataclass
class Site:
    """A gateway with auth and the store behind it, and keys for machines."""

    url: str
    admin: httpx.AsyncClient
    worker: httpx.AsyncClient
    reader: httpx.AsyncClient
    worker_key: str
    reader_key: str

    async def run(self, *arguments: str, key: str | None = None) -> Any:
        """`andon components`, as on another machine."""
        environment = {"ANDON_URL": self.url, "ANDON_KEY": self.worker_key if key is None else key}
        return await asyncio.to_thread(CliRunner().invoke, command, list(arguments), env=environment)


@pytest.fixture
async def site(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings, tmp_path: Path
) -> AsyncIterator[Site]:
    given: dict[str, Any] = {
        "bus": bus_settings, "mongo": mongo_settings, "s3": blob_settings, "data": tmp_path / "data",
        "demo": True, "http": HttpSettings(port=0, drain=1), "limits": {"others_per_minute": 100_000},
        "passwords": PasswordCost(passes=1, memory_kib=8),
    }  # fmt: skip

    def running(name: str) -> Any:
        definition = definition_of(name)
        known = definition.settings.model_fields
        return serving(definition, definition.settings(**{key: given[key] for key in given if key in known}))

    async with running("auth"), running("component-store"), running("gateway") as gateway:
        url = f"http://127.0.0.1:{gateway.http_port}"
        async with (
            httpx.AsyncClient(base_url=url, timeout=20) as admin,
            httpx.AsyncClient(base_url=f"{url}/api/components", timeout=20) as worker,
            httpx.AsyncClient(base_url=f"{url}/api/components", timeout=20) as reader,
        ):
            signed = await admin.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"})
            admin.headers["Authorization"] = f"Bearer {signed.json()['access_token']}"
            worker_key = await _key(admin, "worker-3", "view_history", "configure")
            reader_key = await _key(admin, "reader", "view_history")
            worker.headers["Authorization"] = f"Bearer {worker_key}"
            reader.headers["X-API-Key"] = reader_key
            yield Site(url, admin, worker, reader, worker_key, reader_key)


async def _key(admin: httpx.AsyncClient, name: str, *scopes: str) -> str:
    made = await admin.post("/api/v1/keys", json={"name": name, "scopes": scopes})
    return made.json()["key"]


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


async def upload(site: Site, path: str, content: str, **more: Any) -> dict[str, Any]:
    answer = await site.worker.post("/versions/upload", json={"path": path, "content": content, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.long
async def test_a_worker_s_whole_protocol(site):
    """Upload, learn what is active, download by hash, verify, note the manifest, restore it later."""
    first = await upload(site, "model/resnet.py", NET)
    assert first["hash"] == xxhash.xxh3_64_hexdigest(NET.encode())
    assert (first["is_new"], first["is_active"]) == (True, True)
    await upload(site, "agent/classification.py", "import model\n", why="baseline")

    wanted = ["agent/classification.py", "model/resnet.py", "model/unknown.py"]
    plan = (await site.reader.post("/sync", json={"required_components": wanted})).json()["data"]
    assert plan["unknown"] == ["model/unknown.py"]
    for hash_ in plan["to_download"]:
        found = (await site.reader.get(f"/versions/hash/{hash_}")).json()["data"]
        assert xxhash.xxh3_64_hexdigest(found["content"].encode()) == hash_
        assert found["path"] in wanted
    held = {each["path"]: each["hash"] for each in plan["needed"]}
    again = await site.reader.post("/sync", json={"required_components": wanted, "local_hashes": held})
    assert again.json()["data"]["to_download"] == []

    uid = "20261121_a7f3"
    saved = await site.worker.post(f"/manifest/{uid}", json=held)
    assert saved.json()["data"] == {"experiment_uid": uid, "component_count": 2, "revision": 1}
    await upload(site, "model/resnet.py", NET2)
    manifest = (await site.reader.get(f"/manifest/{uid}")).json()["data"]
    assert manifest["components"] == held
    assert {file["path"] for file in manifest["files"]} == {
        "agent/classification.py", "component/model/resnet.py"
    }  # fmt: skip
    old = await site.reader.get(f"/versions/hash/{manifest['components']['model/resnet.py']}")
    assert old.json()["data"]["content"] == NET
    assert old.json()["meta"]["version"] == "1.0"


async def test_a_rollback_and_its_history(site):
    old = await upload(site, "model/resnet.py", NET)
    await upload(site, "model/resnet.py", NET2, why="deeper")
    wish = {"hash": old["hash"], "why": "too slow on the edge"}
    assert (await site.worker.post("/versions/activate", json=wish)).json()["data"]["is_active"]
    listed = (await site.reader.get("/versions/model/resnet?include_content=true")).json()["data"]
    assert [(each["content"], each["is_active"]) for each in listed] == [(NET2, False), (NET, True)]
    assert (await site.reader.get("/versions/model/resnet/active")).json()["data"]["content"] == NET
    history = (await site.reader.get("/versions/model/resnet.py/history")).json()["data"]
    assert [(each["by"], each["why"], each["rollback"]) for each in history] == [
        ("worker-3", "too slow on the edge", True), ("worker-3", "deeper", False), ("worker-3", "", False),
    ]  # fmt: skip
    sides = {"from_hash": listed[1]["hash"], "to_hash": listed[0]["sha256"]}
    shown = (await site.reader.post("/versions/diff", json=sides)).json()["data"]["diff"]
    assert "-    depth = 18\n+    depth = 34\n" in shown
    active = await site.reader.post("/versions/active", json={"paths": ["model/resnet", "x", "loss/no"]})
    assert active.json()["data"] == {"model/resnet.py": old["hash"]}


@pytest.mark.long
async def test_lists_search_sources_configs_and_bundles(site):
    head = bytes(range(256)) * 20
    await upload(site, "model/resnet.py", "class ResNet:\n    def __init__(self, cfg, width): ...\n")
    await upload(site, "loss/focal", "gamma = 2\n")
    await upload(site, "agent/run", "# uses ResNet\n")
    coded = {"path": "model/head.onnx", "content_base64": base64.b64encode(head).decode()}
    assert (await site.worker.post("/versions/upload", json=coded)).json()["data"]["kind"] == "model_head"

    every = (await site.reader.get("/versions")).json()["data"]
    assert [each["path"] for each in every] == [
        "agent/run.py", "loss/focal.py", "model/head.onnx", "model/resnet.py"
    ]  # fmt: skip
    assert [each["count"] for each in (await site.admin.get("/api/components")).json()["data"]] == [1, 2, 1]
    assert len((await site.reader.get("/versions/model")).json()["data"]) == 2
    found = (await site.reader.get("/search", params={"q": "resnet"})).json()["data"]["matches"]
    assert [(each["path"], each["line"]) for each in found] == [
        ("model/resnet.py", 0), ("agent/run.py", 1), ("model/resnet.py", 1)
    ]  # fmt: skip

    source = await site.reader.get("/component/model/head.onnx/source")
    assert source.content == head
    assert source.headers["x-content-hash"] == xxhash.xxh3_64_hexdigest(head)
    assert (await site.reader.get("/agent/run/source")).text == "# uses ResNet\n"

    wrong = await site.reader.post("/validate-config", json={"type": "model.resnet", "params": {}})
    assert wrong.status_code == 400
    assert wrong.json()["detail"]["errors"] == {"params.width": "missing"}
    right = {"type": "model.resnet", "params": {"width": 3}}
    assert (await site.reader.post("/validate-config", json=right)).json()["data"]["valid"]

    asked = {"agent": "run", "components": {"model": "resnet(width=3), none", "loss": "focal"}}
    info = (await site.reader.post("/bundle/info", json=asked)).json()["data"]
    assert info["missing"] == ["model/none"]
    archives = [(await site.reader.post("/bundle/download", json=asked)).content for _ in range(2)]
    assert archives[0] == archives[1]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archives[0]))) as opened:
        held = {entry.name: opened.extractfile(entry) for entry in opened}
        assert sorted(held) == sorted(file["path"] for file in info["files"])
        assert all(name.startswith("cvlabkit/") for name in held)


@pytest.mark.long
async def test_bad_input_is_refused_in_the_nested_form_and_names_its_field(site, subtests):
    await upload(site, "model/resnet.py", NET)
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (422, "line 2, column 5", {"path": "model/a", "content": "a = 1\nb = = 2\n"}),
        (422, "NUL", {"path": "model/a", "content": "a\0"}),
        (413, "content", {"path": "model/a", "content": "#" * 300_000}),
        (413, "MB", {"path": "model/a", "content": "#" * 10_000_000}),
        (400, "path", {"path": "../../etc/passwd", "content": ""}),
        (400, "unknown category", {"path": "kernel/a", "content": ""}),
        (400, "path", {"path": "model/a\u0301", "content": ""}),
        (400, "content", {"path": "model/a", "content": "\ud800"}),
        (400, "content", {"path": "model/a"}),
        (400, "content_base64", {"path": "model/a.onnx", "content_base64": "%%"}),
        (400, "contents", {"path": "model/a", "contents": "a"}),
    ]
    for status, told, body in cases:
        with subtests.test(f"{status} {told} {str(body)[:60]}"):
            sent = json.dumps(body).encode()
            answer = await site.worker.post(
                "/versions/upload", content=sent, headers={"Content-Type": "application/json"}
            )
            problem = answer.json()["detail"]
            assert (answer.status_code, problem["status"]) == (status, status), answer.text
            assert told in problem["detail"]
            assert problem.keys() >= {"type", "title", "status", "detail", "trace_id"}
    with subtests.test("a hash of another path"):
        sha256 = hashlib.sha256(NET.encode()).hexdigest()
        assert (await site.reader.get(f"/versions/hash/{sha256}?path=loss/b")).status_code == 404
        assert (await site.worker.post("/manifest/e-1", json={"loss/b": sha256})).status_code == 422
    for path, status in {
        "/versions/hash/0000000000000000": 404, f"/versions/hash/{'0' * 64}": 404, "/versions/hash/xyz": 400,
        "/versions/kernel": 400, "/versions/kernel/a": 400, "/versions/model/none": 404,
        "/versions/model/..%2Fa": 404, "/manifest/none": 404, "/manifest/a%24b": 400, "/nothing/here": 404,
        "/versions/model/resnet?limit=0": 400, "/search": 400, "/agent/none/source": 404,
    }.items():  # fmt: skip
        with subtests.test(path):
            answer = await site.reader.get(path)
            assert (answer.status_code, answer.json()["detail"]["status"]) == (status, status)


async def test_who_may_read_may_not_change_and_a_stranger_may_do_nothing(site):
    body = {"path": "model/resnet.py", "content": NET}
    refused = await site.reader.post("/versions/upload", json=body)
    assert (refused.status_code, refused.json()["detail"]["title"]) == (403, "Forbidden")
    wish = {"hash": "0" * 16}
    assert (await site.reader.post("/versions/activate", json=wish)).status_code == 403
    assert (await site.reader.post("/manifest/e-1", json={})).status_code == 403
    assert (await site.reader.post("/versions/scan")).status_code == 403
    assert (await site.worker.post("/versions/scan")).status_code == 409
    async with httpx.AsyncClient(base_url=site.url) as stranger:
        answer = await stranger.get("/api/components/versions")
        assert (answer.status_code, answer.json()["detail"]["status"]) == (401, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_dashboards_hear_of_a_new_version_and_of_its_activation(site):
    kinds: list[str] = []
    async with site.admin.stream("GET", "/api/v1/events") as live:
        lines = live.aiter_lines()
        await anext(lines)
        await upload(site, "model/resnet.py", NET)
        async with asyncio.timeout(10):
            async for line in lines:
                if line.startswith("event: component."):
                    kinds.append(line.removeprefix("event: "))
                if len(kinds) == 2:
                    break
    assert kinds == ["component.version.published.v1", "component.version.activated.v1"]


async def test_a_folder_is_sent_changed_pulled_and_restored_on_a_clean_machine(site, tmp_path):
    mine = tmp_path / "mine"
    put(mine, "agent/run.py", "r = 1\n")
    put(mine, "component/model/resnet.py", NET)
    put(mine, "component/loss/broken.py", "def (\n")
    put(mine, "component/model/_base.py", "x = 1\n")
    sent = await site.run("scan", str(mine), "--why", "first import")
    assert sent.exit_code == 1
    assert "component/loss/broken.py" not in sent.output.replace("loss/broken.py", "")
    assert "2 up" in sent.output
    assert "line 1, column 5" in sent.output
    (mine / "component/loss/broken.py").unlink()
    again = await site.run("scan", str(mine))
    assert (again.exit_code, "0 up, 2 as they were" in again.output) == (0, True)

    listed = (await site.reader.get("/versions")).json()["data"]
    hashes = {each["path"]: each["active_hash"] for each in listed}
    assert (await site.worker.post("/manifest/20261121_a7f3", json=hashes)).status_code == 200
    await upload(site, "model/resnet.py", NET2)
    clean = tmp_path / "clean"
    restored = await site.run("restore", "20261121_a7f3", str(clean), key=site.reader_key)
    assert restored.exit_code == 0, restored.output
    assert tree_of(clean) == {"agent/run.py": "r = 1\n", "component/model/resnet.py": NET}


@pytest.mark.long
async def test_each_strategy_settles_the_four_kinds_of_conflict(site, tmp_path, subtests):
    async def fresh(root: Path) -> None:
        """server_newer, local_newer, local_only and server_only, in this order of names."""
        name = root.name
        await upload(site, f"model/{name}_a", NET)
        await upload(site, f"model/{name}_a", NET2)
        await upload(site, f"model/{name}_b", NET)
        await upload(site, f"model/{name}_d", NET)
        put(root, f"component/model/{name}_a.py", NET)
        put(root, f"component/model/{name}_b.py", "local = 1\n")
        put(root, f"component/model/{name}_c.py", "local = 2\n")

    async def state(root: Path) -> tuple[list[str | None], list[str | None]]:
        there: list[str | None] = []
        for letter in "abcd":
            answer = await site.reader.get(f"/versions/model/{root.name}_{letter}/active")
            there.append(answer.json()["data"]["content"] if answer.status_code == 200 else None)
        held = tree_of(root)
        return [held.get(f"component/model/{root.name}_{letter}.py") for letter in "abcd"], there

    one, two = "local = 1\n", "local = 2\n"
    before = ([NET, one, two, None], [NET2, NET, None, NET])
    expected = {
        "dry_run": before,
        "interactive": before,
        "server_authoritative": ([NET2, NET, two, NET],) * 2,
        "local_priority": ([NET2, one, two, NET],) * 2,
    }
    for strategy, wanted in expected.items():
        with subtests.test(strategy):
            root = tmp_path / f"in_{strategy}"
            await fresh(root)
            told = await site.run("pull", str(root), "--strategy", strategy)
            assert await state(root) == wanted, told.output
            assert told.exit_code == (1 if strategy == "interactive" else 0)
            kinds = ["server_newer", "local_newer", "local_only", "server_only"]
            if strategy in ("dry_run", "interactive"):
                shown = [line.split()[-1] for line in told.output.splitlines() if f"/{root.name}_" in line]
                assert shown == kinds


async def test_the_client_writes_no_file_outside_of_its_folder(site, tmp_path):
    await upload(site, "model/resnet.py", NET)
    (tmp_path / "outside").mkdir()
    mine = tmp_path / "mine"
    (mine / "component").mkdir(parents=True)
    (mine / "component/model").symlink_to(tmp_path / "outside")
    told = await site.run("pull", str(mine), "--strategy", "server_authoritative")
    assert told.exit_code == 1
    assert "leads out" in told.output
    assert list((tmp_path / "outside").iterdir()) == []


async def test_the_client_says_what_is_wrong_in_one_line(site, tmp_path):
    (tmp_path / "mine").mkdir()
    wrong = await site.run("pull", str(tmp_path / "mine"), key="andon_nothing")
    assert "key" in str(wrong.exception)
    unknown = await site.run("restore", "none", str(tmp_path / "mine"))
    assert "no manifest of none" in str(unknown.exception)


def tree_of(root: Path) -> dict[str, str]:
    return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}
