"""What a deleted version leaves in the object store, over real servers."""

from andon.contracts import rollout
from andon.contracts.station import DetectorModel, ModelFile, RegionModel
from andon.storage import Blobs
from andon.testing import build

from .test_rollout_service import Line, line  # noqa: F401 - the line is a fixture


async def test_a_deleted_versions_files_go_and_those_that_others_use_stay(line: Line, blob_settings) -> None:  # noqa: F811 - as above
    async with Blobs(blob_settings) as blobs:

        async def kept(name: str) -> ModelFile:
            await blobs.put(f"models/{name}.onnx", name.encode())
            return ModelFile(key=f"models/{name}.onnx", sha256="0" * 64, size=len(name))

        async def there() -> set[str]:
            keys = ("parent", "small", "names", "finds", "finds-better")
            return {name for name in keys if await blobs.exists(f"models/{name}.onnx")}

        parent, small = await kept("parent"), await kept("small")
        names = RegionModel(file=await kept("names"), classes=("pit",))
        finds = DetectorModel(file=await kept("finds"), classes=("pit",))
        better = DetectorModel(file=await kept("finds-better"), classes=("pit",))
        for version_id, experts in (
            ("v-1", {"regions": names, "detector": finds}),
            ("v-2", {"regions": names, "detector": better}),
        ):
            model = build.model_ref(version_id=version_id, fp32=parent, int8=small, **experts)
            await line.versions.put(build.model_version(id=version_id, model=model))

        await line.bus.ask(rollout.DELETE, rollout.DeleteVersion(version_id="v-1"))
        assert await there() == {"parent", "small", "names", "finds-better"}

        await line.bus.ask(rollout.DELETE, rollout.DeleteVersion(version_id="v-2"))
        assert await there() == set()
