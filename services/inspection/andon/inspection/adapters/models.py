"""The models that stations judge by: fetched once, checked by digest, held ready."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from andon.contracts import NotFound, Refused
from andon.contracts.station import ModelFile, ModelRef
from andon.inspection.adapters.repository import BucketRepository
from andon.serving import (
    Detector,
    Hosted,
    ModelFiles,
    ModelHost,
    Predictor,
    RegionClassifier,
    ServingSettings,
    load,
    wanted,
)
from andon.serving.onnx_file import check_model, check_onnx
from andon.storage import Blobs
from andon.telemetry import log

_MOST_CLASSIFIERS = 8
_MOST_DETECTORS = 8
_log = log("andon.inspection")


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
    repository: BucketRepository | None = None
    """Triton's, where it is in the bucket."""
    _classifiers: dict[str, RegionClassifier] = field(default_factory=dict[str, RegionClassifier])
    """By digest, the one used last at the end."""
    _detectors: dict[str, Detector] = field(default_factory=dict[str, Detector])
    """The same."""

    def hold(self, models: int) -> None:
        """Keep at least so many ready, however few the settings say: each is needed with the next frame."""
        self.host.hold(models)

    async def of(self, ref: ModelRef) -> Hosted:
        """The model, loaded and warm. Raises NoModel when its file is not to be had.

        Raises Invalid for a file that is no model of parts, and ProbeFailed.
        """

        async def loader() -> Predictor:
            return await self._load(ref)

        return await self.host.use(ref.digest, loader)

    async def classifier(self, ref: ModelRef) -> RegionClassifier | None:
        """What knows the classes of regions; None without one. Raises NoModel, Invalid and Unavailable."""
        if ref.regions is None:
            return None
        digest = ref.regions.file.sha256
        known = self._classifiers.pop(digest, None)
        if known is None:
            path = await self._file(ref, ref.regions.file, check_onnx)
            known = await asyncio.to_thread(RegionClassifier.open, path)
        self._classifiers[digest] = known
        while len(self._classifiers) > _MOST_CLASSIFIERS:
            self._classifiers.pop(next(iter(self._classifiers)))
        return known

    async def classifier_if_any(self, ref: ModelRef) -> RegionClassifier | None:
        """The same; a class is not worth a part: without its file, what stands out stays unnamed."""
        try:
            return await self.classifier(ref)
        except Refused as away:
            _log.warning("defects stay unnamed", model=ref.version_id, reason=str(away))
            return None

    async def detector(self, ref: ModelRef) -> Detector | None:
        """What finds the defects that people outlined; None without one. Raises like `classifier`."""
        if ref.detector is None:
            return None
        digest = ref.detector.file.sha256
        known = self._detectors.pop(digest, None)
        if known is None:
            path = await self._file(ref, ref.detector.file, check_onnx)
            known = await asyncio.to_thread(Detector.open, path)
        self._detectors[digest] = known
        while len(self._detectors) > _MOST_DETECTORS:
            self._detectors.pop(next(iter(self._detectors)))
        return known

    async def detector_if_any(self, ref: ModelRef) -> Detector | None:
        """The same; without its file, what stands out is told as without a detector."""
        try:
            return await self.detector(ref)
        except Refused as away:
            _log.warning("defects are not looked for", model=ref.version_id, reason=str(away))
            return None

    async def _load(self, ref: ModelRef) -> Predictor:
        if ref.int8 and wanted(self.settings, has_int8=True) == "int8":
            path = await self._file(ref, ref.int8)
            return await load(ModelFiles(fp32=path, int8=path), self.settings)
        return await load(ModelFiles(fp32=await self._file(ref, ref.fp32)), self.settings, self.repository)

    async def _file(
        self, ref: ModelRef, file: ModelFile, check: Callable[[bytes], None] = check_model
    ) -> Path:
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
        await asyncio.to_thread(check, data)
        await asyncio.to_thread(_keep, path, data)
        return path


def _is(path: Path, digest: str) -> bool:
    return path.exists() and sha256(path.read_bytes()).hexdigest() == digest


def _keep(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_suffix(".part")
    half.write_bytes(data)
    half.rename(path)
