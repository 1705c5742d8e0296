"""Files of the model store, copied to this machine to be tried."""

import asyncio
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from andon.contracts import BadRequest, NotFound, TooLarge
from andon.storage import Blobs

STORE = "models/"
_MOST_BYTES = 512 << 20


@dataclass(frozen=True)
class StoredFile:
    """A copy on this machine."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class ModelFiles:
    """Looks into the model store, and nowhere else."""

    blobs: Blobs
    folder: Path

    async def fetch(self, key: str) -> StoredFile:
        """Raises BadRequest for a key outside of the store, NotFound, TooLarge."""
        check_key(key)
        try:
            data = await self.blobs.get_range(key, 0, _MOST_BYTES + 1)
        except NotFound:
            raise NotFound(
                f"model_path: the model store has no '{key}'", {"model_path": "not in the model store"}
            ) from None
        if len(data) > _MOST_BYTES:
            raise TooLarge(f"model_path: '{key}' is larger than {_MOST_BYTES >> 20} MB")
        return await asyncio.to_thread(_kept, self.folder, data)


def check_key(key: str) -> None:
    """Raises BadRequest unless the key names an ONNX file below models/, without detours."""
    steps = key.split("/")
    printable = key.isprintable() and "\\" not in key
    if not (key.startswith(STORE) and printable) or any(step in ("", ".", "..") for step in steps):
        raise BadRequest(
            f"model_path: name a model version, or a file of the model store below {STORE}",
            {"model_path": "not in the model store"},
        )
    if not key.endswith(".onnx"):
        raise BadRequest("model_path: only .onnx files can be loaded", {"model_path": "no .onnx file"})


def _kept(folder: Path, data: bytes) -> StoredFile:
    digest = sha256(data).hexdigest()
    path = folder / f"{digest}.onnx"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        half = path.with_suffix(".half")
        half.write_bytes(data)
        half.rename(path)
    return StoredFile(path, digest)
