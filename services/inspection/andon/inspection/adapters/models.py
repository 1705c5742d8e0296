"""The models that stations judge by: fetched once, checked by digest, held ready."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from andon.contracts import NotFound, Refused
from andon.contracts.station import ModelFile, ModelRef
from andon.serving import Hosted, ModelFiles, ModelHost, Predictor, ServingSettings, load, wanted
from andon.storage import Blobs


class NoModel(Refused):
    """The station can't judge: it has no model, or its model's file is gone or damaged."""

    code, status = "no_model", 422


@dataclass(frozen=True)
class ModelShelf:
    """Models by reference. A copy of each file stays on this machine, so a restart needs no object store."""

    blobs: Blobs
    host: ModelHost
    settings: ServingSettings
    folder: Path

    async def of(self, ref: ModelRef) -> Hosted:
        """The model, loaded and warm. Raises NoModel when its file is not to be had."""

        async def loader() -> Predictor:
            return await self._load(ref)

        return await self.host.use(ref.digest, loader)

    async def _load(self, ref: ModelRef) -> Predictor:
        if ref.int8 and wanted(self.settings, has_int8=True) == "int8":
            path = await self._file(ref, ref.int8)
            return await load(ModelFiles(fp32=path, int8=path), self.settings)
        return await load(ModelFiles(fp32=await self._file(ref, ref.fp32)), self.settings)

    async def _file(self, ref: ModelRef, file: ModelFile) -> Path:
        path = self.folder / f"{file.sha256}.onnx"
        if await asyncio.to_thread(_is, path, file.sha256):
            return path
        try:
            data = await self.blobs.get(file.key)
        except NotFound as error:
            raise NoModel(
                f"the file of model '{ref.name}' is missing in the object store: {file.key}"
            ) from error
        if sha256(data).hexdigest() != file.sha256:
            raise NoModel(f"the file of model '{ref.name}' is damaged in the object store: {file.key}")
        await asyncio.to_thread(_keep, path, data)
        return path


def _is(path: Path, digest: str) -> bool:
    return path.exists() and sha256(path.read_bytes()).hexdigest() == digest


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_bytes(data)
    half.rename(path)
