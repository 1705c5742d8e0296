"""Brings a run's images and its parent's files together, as a folder or as one archive."""

import asyncio
import hashlib
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from andon.contracts import Invalid
from andon.contracts.learning import Evaluation
from andon.contracts.queue import Artifact
from andon.contracts.station import ModelFile, ModelRef
from andon.storage import Blobs
from andon.training.adapters.files import FitFiles
from andon.training.domain.lessons import (
    EVALUATION,
    PARENT,
    PARENT_DETECTOR,
    PARENT_REGIONS,
    REPORT,
    Lesson,
)

ORDER = "order.json"
_PIECE = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A lesson in the object store."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Packing:
    """Object store and scratch folder of the runs."""

    blobs: Blobs
    files: FitFiles

    async def gather(self, lesson: Lesson, parent: ModelRef | None, folder: Path) -> None:
        """Images, order and the parent's files become files of the folder.

        Raises NotFound naming the image that is gone, and Invalid for one whose sha256 is another.
        """
        await self.files.fetch([image.key for image in lesson.images], folder)
        await asyncio.to_thread(_check, lesson, folder)
        (folder / ORDER).write_text(lesson.model_dump_json())
        wanted = {
            PARENT: parent and parent.fp32,
            PARENT_REGIONS: parent and parent.regions and parent.regions.file,
            PARENT_DETECTOR: parent and parent.detector and parent.detector.file,
        }
        for name, file in wanted.items():
            if file:
                (folder / name).write_bytes(await self.blobs.get(file.key))

    async def pack(self, folder: Path) -> Archive:
        """One archive in the object store, by its sha256, of all that `gather` put there."""
        archive = folder.with_suffix(".tar")
        try:
            digest = await asyncio.to_thread(_packed, folder, archive)
            key, size = f"training/lessons/{digest}.tar", archive.stat().st_size
            with archive.open("rb") as opened:
                await self.blobs.put_file(key, opened, size)
            return Archive(key, digest, size)
        finally:
            archive.unlink(missing_ok=True)

    async def fetch_outputs(self, outputs: Sequence[Artifact], folder: Path) -> None:
        """What a job left becomes files of the folder. Raises Invalid for one that is not as told."""
        for output in outputs:
            data = await self.blobs.get(output.key)
            if output.sha256 and hashlib.sha256(data).hexdigest() != output.sha256:
                raise Invalid(f"{output.key} is damaged in the object store")
            (folder / Path(output.key).name).write_bytes(data)

    async def keep_evidence(self, evaluation: Evaluation, folder: Path) -> Evaluation:
        """Page and JSON in the object store; the evaluation says where."""
        prefix = f"evaluations/{evaluation.version_id}"
        kept = evaluation.model_copy(
            update={"report_key": f"{prefix}/{REPORT}", "result_key": f"{prefix}/{EVALUATION}"}
        )
        data = kept.model_dump_json(indent=1).encode()
        await self.blobs.put(kept.result_key, data, "application/json")
        page = (folder / REPORT).read_bytes()
        await self.blobs.put(kept.report_key, page, "text/html; charset=utf-8")
        return kept

    async def keep_model(self, name: str, sha256: str, size: int, digest: str, folder: Path) -> ModelFile:
        """A model file in the object store, below its model's digest."""
        data = await asyncio.to_thread((folder / name).read_bytes)
        if hashlib.sha256(data).hexdigest() != sha256:
            raise Invalid(f"{name} is not what the run said it left")
        key = f"models/{digest}/{name}"
        await self.blobs.put(key, data, sha256=sha256)
        return ModelFile(key=key, sha256=sha256, size=size)


def _check(lesson: Lesson, folder: Path) -> None:
    for place, image in enumerate(lesson.images):
        if image.sha256:
            data = (folder / "images" / str(place)).read_bytes()
            if hashlib.sha256(data).hexdigest() != image.sha256:
                raise Invalid(f"images: {image.key} is another image now: its sha256 is not {image.sha256}")


def _packed(folder: Path, archive: Path) -> str:
    """Without times and owners, so that the same lesson has the same sha256."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo:
        info.mtime, info.uid, info.gid, info.uname, info.gname = 0, 0, 0, "", ""
        return info

    with tarfile.open(archive, "w") as tar:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                tar.add(path, path.relative_to(folder).as_posix(), filter=plain)
    digest = hashlib.sha256()
    with archive.open("rb") as opened:
        while piece := opened.read(_PIECE):
            digest.update(piece)
    return digest.hexdigest()
