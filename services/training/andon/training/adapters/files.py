"""Good images come from the object store, model files go to it."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from andon.contracts import NotFound
from andon.contracts.station import ModelFile, Region
from andon.contracts.training import ModelVersion
from andon.storage import Blobs
from andon.training.domain.order import FitResult, FittedFile

_AT_ONCE = 8


@dataclass(frozen=True)
class FitFiles:
    """Object store and scratch folder of the fits."""

    blobs: Blobs
    folder: Path

    @asynccontextmanager
    async def scratch(self, fit_id: str) -> AsyncIterator[Path]:
        """An empty folder, gone afterwards; also clears what a killed attempt left."""
        folder = self.folder / fit_id
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        (folder / "images").mkdir(parents=True)
        try:
            yield folder
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def fetch(self, keys: Sequence[str], folder: Path) -> None:
        """The image of keys[i] becomes `folder`/images/i. Raises NotFound naming the key, and Unavailable."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(number: int, key: str) -> None:
            async with room:
                try:
                    data = await self.blobs.get(key)
                except NotFound as error:
                    raise NotFound(f"{key}: there is no such image in the object store") from error
                await asyncio.to_thread((folder / "images" / str(number)).write_bytes, data)

        tasks = [asyncio.create_task(one(number, key)) for number, key in enumerate(keys)]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def keep(self, file: FittedFile, digest: str, folder: Path) -> ModelFile:
        """Store a model file under its model's digest."""
        key = f"models/{digest}/{file.name}"
        data = await asyncio.to_thread((folder / file.name).read_bytes)
        await self.blobs.put(key, data, "application/octet-stream")
        return ModelFile(key=key, sha256=file.sha256, size=file.size)

    async def keep_manifest(
        self, version: ModelVersion, result: FitResult, region: Region, keys: Sequence[str]
    ) -> None:
        """What a person or another system needs to know about the files beside it."""
        manifest = {
            "version": version.model_dump(mode="json"),
            "input": {"image": "uint8 [n, 256, 256, 3] RGB of the region, resized by area"},
            "output": {"score": "float32 [n]", "heatmap": "float32 [n, 32, 32]"},
            "region": region.model_dump(mode="json"),
            "notes": list(result.notes),
            "sources": list(keys),
            "backbone": "EfficientNet-Lite0, blocks 0-10, Apache-2.0",
        }
        data = json.dumps(manifest, indent=1).encode()
        await self.blobs.put(f"models/{version.model.digest}/manifest.json", data, "application/json")
