"""The model repository of a Triton server, where that is a part of Andon's bucket."""

from collections.abc import Mapping
from dataclasses import dataclass

from andon.serving import ServingSettings
from andon.storage import Blobs


@dataclass(frozen=True)
class BucketRepository:
    """What the server reads as `s3://http://HOST:PORT/BUCKET/PREFIX`."""

    blobs: Blobs
    prefix: str

    async def put(self, name: str, files: Mapping[str, bytes]) -> None:
        for path, data in files.items():
            await self.blobs.put(self._key(name, path), data)

    async def remove(self, name: str) -> None:
        await self.blobs.delete_many(await self.blobs.list(self._key(name, "")))

    def _key(self, name: str, path: str) -> str:
        return "/".join(part for part in (self.prefix, name, path) if part or part is path)


def repository_of(settings: ServingSettings, blobs: Blobs) -> BucketRepository | None:
    """None where the repository is a folder, or where there is none."""
    return None if settings.triton_prefix is None else BucketRepository(blobs, settings.triton_prefix)
