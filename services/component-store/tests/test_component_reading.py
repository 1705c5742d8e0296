"""Lists, search, differences, manifests, bundles and plans."""

import asyncio
import gzip
import io
import tarfile
from pathlib import Path

import pytest

from andon.component_store.app import SERVICE, ComponentSettings
from andon.contracts import BadRequest, Conflict, Invalid, NotFound, component
from andon.runtime import serving
from andon.storage import Blobs

NET = "class ResNet:\n    def __init__(self, cfg, channels, depth=18):\n        self.channels = channels\n"


async def test_components_are_listed_page_by_page_and_by_category(store):
    for path in ("model/b", "agent/a", "model/a", "loss/a"):
        await store.upload(path, f"# {path}\n")
    first = (await store.ask(component.LIST, limit=3)).components
    rest = (await store.ask(component.LIST, limit=3, after=first[-1].path)).components
    assert [each.path for each in (*first, *rest)] == ["agent/a.py", "loss/a.py", "model/a.py", "model/b.py"]
    models = (await store.ask(component.LIST, category="model")).components
    assert [each.name for each in models] == ["a", "b"]


async def test_active_versions_of_what_is_unknown_or_invalid_are_left_out(store):
    version = (await store.upload("model/a", "a = 1\n")).version
    await store.upload("model/draft", "a = 1\n", activate=False)
    asked = ("model/a", "model/a.py", "model/draft", "model/none", "../x", "")
    assert (await store.ask(component.ACTIVE, paths=asked)).versions == (version,)


async def test_text_is_found_in_names_and_in_what_is_active(store):
    await store.upload("model/resnet", "a = 1\n")
    await store.upload("loss/focal", "x = 1\n# as in RESNET (1)\n")
    await store.upload("loss/old", "# resnet\n")
    await store.upload("loss/old", "# nothing\n")
    await store.upload("model/head.onnx", b"\xffresnet")
    found = await store.ask(component.SEARCH, text="resnet")
    assert [(each.path, each.line) for each in found.matches] == [
        ("model/resnet.py", 0),
        ("loss/focal.py", 2),
    ]
    assert found.complete
    first = await store.ask(component.SEARCH, text="resnet", limit=1)
    assert (len(first.matches), first.complete) == (1, False)
    assert (await store.ask(component.SEARCH, text=".*(a+)+$")).matches == ()


async def test_two_versions_of_one_path_are_compared_and_those_of_two_paths_are_not(store):
    old = (await store.upload("model/a", "a = 1\n")).version
    new = (await store.upload("model/a", "a = 2\n")).version
    other = (await store.upload("loss/b", "b = 1\n")).version
    found = await store.ask(component.DIFF, from_hash=old.hash, to_hash=new.sha256)
    assert found.unified.splitlines()[2:] == ["@@ -1 +1 @@", "-a = 1", "+a = 2"]
    assert (found.from_content, found.to_content) == ("a = 1\n", "a = 2\n")
    with pytest.raises(BadRequest, match="different components"):
        await store.ask(component.DIFF, from_hash=old.hash, to_hash=other.hash)
    with pytest.raises(NotFound):
        await store.ask(component.DIFF, from_hash=old.hash, to_hash="0" * 16)


async def test_parameters_are_compared_with_what_a_component_takes(store):
    await store.upload("model/resnet", NET)
    found = await store.ask(component.VALIDATE, path="model/resnet", parameters=("width",))
    assert (found.missing, found.unknown, found.accepted) == (
        ("channels",),
        ("width",),
        ("channels", "depth"),
    )


async def test_a_manifest_keeps_exact_versions_and_is_replaced_as_a_whole(store):
    old = (await store.upload("model/a", "a = 1\n")).version
    await store.upload("model/a", "a = 2\n")
    loss = (await store.upload("loss/b", "b = 1\n")).version
    uid = "20261121_a7f3"
    saved = await store.ask(
        component.SAVE_MANIFEST, experiment_uid=uid, by="eve",
        components={"model/a": old.hash, "loss\\b.py": loss.sha256},
    )  # fmt: skip
    assert {file.path: file.sha256 for file in saved.files} == {
        "loss/b.py": loss.sha256, "model/a.py": old.sha256
    }  # fmt: skip
    again = await store.ask(
        component.SAVE_MANIFEST, experiment_uid=uid, components={"loss/b.py": loss.hash}, by="eve"
    )
    assert (await store.ask(component.GET_MANIFEST, experiment_uid=uid)) == again
    assert (len(again.files), again.revision) == (1, 2)
    with pytest.raises(NotFound):
        await store.ask(component.GET_MANIFEST, experiment_uid="20261121_0000")


async def test_a_manifest_that_could_not_be_restored_is_refused(store):
    here = (await store.upload("model/a", "a = 1\n")).version
    await store.upload("loss/b", "b = 1\n")
    wrong = {"model/a": here.hash, "loss/b": here.hash, "model/none": here.hash}
    with pytest.raises(Invalid, match=r"loss/b\.py.*model/none\.py"):
        await store.ask(component.SAVE_MANIFEST, experiment_uid="e-1", components=wrong, by="eve")
    with pytest.raises(BadRequest, match="path"):
        await store.ask(
            component.SAVE_MANIFEST, experiment_uid="e-1", components={"../x": here.hash}, by="eve"
        )
    with pytest.raises(NotFound):
        await store.ask(component.GET_MANIFEST, experiment_uid="e-1")


async def test_manifests_of_one_experiment_that_race_are_each_whole(store):
    versions = [(await store.upload("model/a", f"a = {turn}\n")).version for turn in range(6)]
    await asyncio.gather(*(
        store.ask(component.SAVE_MANIFEST, experiment_uid="e-1", components={"model/a": each.hash}, by="eve")
        for each in versions
    ))  # fmt: skip
    found = await store.ask(component.GET_MANIFEST, experiment_uid="e-1")
    assert found.revision == 6
    assert found.files[0].hash in {version.hash for version in versions}


async def test_a_plan_names_what_a_worker_lacks(store):
    old = (await store.upload("model/a", "a = 1\n")).version
    new = (await store.upload("model/a", "a = 2\n")).version
    same = (await store.upload("loss/b", "b = 1\n")).version
    await store.upload("loss/c", "c = 1\n")
    plan = await store.ask(
        component.PLAN,
        required=("model/a", "loss/b.py", "loss/c", "model/none", "../x"),
        local={"model/a.py": old.hash, "loss/b": same.sha256.upper(), "loss/c": "0" * 16},
    )
    found = {each.version.path: (each.download, each.local_known) for each in plan.needed}
    assert found == {"model/a.py": (True, True), "loss/b.py": (False, True), "loss/c.py": (True, False)}
    assert next(each.version for each in plan.needed if each.download and each.local_known) == new
    assert plan.unknown == ("model/none", "../x")


async def test_a_bundle_holds_active_versions_or_a_manifest_s_and_is_reproducible(store, settings):
    old = (await store.upload("model/a", "a = 1\n")).version
    await store.upload("agent/run", "r = 1\n")
    await store.ask(component.SAVE_MANIFEST, experiment_uid="e-1", components={"model/a": old.hash}, by="eve")
    await store.upload("model/a", "a = 2\n")
    asked = {"paths": ("model/a", "agent/run", "model/none"), "folder": "code"}
    info = await store.ask(component.BUNDLE, **asked, build=False)
    assert (info.key, info.missing, info.total_size) == (None, ("model/none",), 12)
    one, two = [await store.ask(component.BUNDLE, **asked) for _ in range(2)]
    exact = await store.ask(component.BUNDLE, experiment_uid="e-1")
    async with Blobs(settings.s3) as blobs:
        assert await blobs.get(one.key) == await blobs.get(two.key)
        assert unpacked(await blobs.get(one.key)) == {
            "code/agent/run.py": b"r = 1\n", "code/component/model/a.py": b"a = 2\n"
        }  # fmt: skip
        assert unpacked(await blobs.get(exact.key)) == {"component/model/a.py": b"a = 1\n"}
    with pytest.raises(NotFound):
        await store.ask(component.BUNDLE, paths=("model/none",))


async def test_without_a_folder_of_its_own_the_store_scans_nothing(store):
    with pytest.raises(Conflict, match="andon components scan"):
        await store.ask(component.SCAN, by="eve")


async def test_the_store_s_own_folder_is_scanned_and_a_rollback_restores_its_file(
    settings, gateway, tmp_path
):
    write(tmp_path, "agent/run.py", "r = 1\n")
    write(tmp_path, "component/model/a.py", "a = 1\n")
    write(tmp_path, "component/model/_private.py", "a = 1\n")
    write(tmp_path, "component/model/deep/b.py", "a = 1\n")
    write(tmp_path, "component/kernel/c.py", "a = 1\n")
    write(tmp_path, "component/loss/broken.py", "def (\n")
    write(tmp_path, "component/loss/1st.py", "a = 1\n")
    block = settings.components.model_copy(update={"tree": tmp_path})
    async with serving(SERVICE, ComponentSettings(**{**dict(settings), "components": block})):
        found = await gateway.ask(component.SCAN, by="eve")
        assert (found.registered, found.new) == (2, 2)
        assert set(found.failed) == {"component/loss/broken.py", "component/loss/1st.py"}
        old = (await gateway.versions("model/a"))[0]
        await gateway.upload("model/a", "a = 2\n")
        done = await gateway.activate(old.hash, path="model/a")
        assert done.restored
        assert (tmp_path / "component/model/a.py").read_text() == "a = 1\n"
        assert not (tmp_path / "model").exists()
        assert (await gateway.ask(component.SCAN, by="eve")).new == 0


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def unpacked(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as opened:
        return {entry.name: (opened.extractfile(entry) or io.BytesIO()).read() for entry in opened}
