"""What a batch job carries along: its uploaded archive in the object store, unpacked on this machine."""

import asyncio
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from andon.contracts import BadRequest, Invalid, NotFound
from andon.contracts.batch import Archive, BatchJob, FileResult
from andon.inspection.adapters.archives import Limits, unpack
from andon.inspection.domain.batch import matching
from andon.storage import Blobs

UPLOADS = "batches/"
"""Where the object store keeps archives until their job has ended."""
_PIECE = 8 << 20
_YOUNG = 3600


@dataclass(frozen=True)
class Luggage:
    """Fetches, unpacks and throws away."""

    blobs: Blobs
    folder: Path
    limits: Limits

    async def unpacked(self, job: BatchJob) -> list[FileResult]:
        """The archive's images, ready under `place`. Raises Refused with what is wrong with the archive."""
        archive = job.archive
        if archive is None or not archive.key.startswith(UPLOADS):
            raise BadRequest("archive: it is not where uploads are kept", {"archive": "no upload"})
        packed = self.folder / f"{job.id}.archive"
        pattern = matching(job.file_pattern)
        try:
            await self._fetch(archive, packed)
            names = await asyncio.to_thread(unpack, packed, self.folder / job.id, self.limits, pattern)
        finally:
            packed.unlink(missing_ok=True)
        return [FileResult(index=index, name=name) for index, name in enumerate(names)]

    def is_here(self, job: BatchJob) -> bool:
        """Whether this machine has the job's images."""
        return (self.folder / job.id).is_dir()

    def place(self, job: BatchJob, index: int) -> Path:
        """The file of the job's image with that index."""
        return self.folder / job.id / str(index)

    async def drop(self, job: BatchJob) -> None:
        """Let go of a job's archive and images; harmless where there are none."""
        if job.archive is not None and job.archive.key.startswith(UPLOADS):
            await self.blobs.delete(job.archive.key)
        await asyncio.to_thread(shutil.rmtree, self.folder / job.id, ignore_errors=True)

    def left(self) -> Sequence[str]:
        """Jobs that this machine has had images of for an hour: younger ones may not be jobs yet."""
        if not self.folder.is_dir():
            return []
        born = time.time() - _YOUNG
        return [path.name for path in self.folder.iterdir() if path.is_dir() and path.stat().st_mtime < born]

    async def sweep(self, job_ids: Sequence[str]) -> None:
        """Remove the images of jobs that have ended elsewhere, or while this process was away."""
        for job_id in job_ids:
            await asyncio.to_thread(shutil.rmtree, self.folder / job_id, ignore_errors=True)

    async def _fetch(self, archive: Archive, to: Path) -> None:
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("wb") as file:
            for offset in range(0, archive.size, _PIECE):
                try:
                    piece = await self.blobs.get_range(archive.key, offset, _PIECE)
                except NotFound:
                    raise Invalid("archive: it is gone from the object store; upload it again") from None
                await asyncio.to_thread(file.write, piece)
