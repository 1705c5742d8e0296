"""How a model lies in Triton's repository, and the repository where it is a folder."""

import asyncio
import json
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol, cast

from andon.contracts import Unavailable
from andon.serving._decode import SIDE
from andon.serving._predictor import GRID

PREFIX = "andon-"
"""Of the names of Andon's models; others in the same server are left alone."""
_MODEL = "1/model.onnx"
_CONFIG = "config.pbtxt"


class Repository(Protocol):
    """Where a Triton server reads its models."""

    async def put(self, name: str, files: Mapping[str, bytes]) -> None:
        """Write a model's files, by their path below its folder. A repeat changes nothing."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a model's folder. One that is not there is removed already."""
        ...


@dataclass(frozen=True)
class Layout:
    """One model as Triton wants it, named by its content: what is loaded under a name never changes.

    So a new version is loaded beside the old one, replicas share what they agree on, and a version that
    can't be loaded takes nothing from another.
    """

    model: bytes
    """ONNX, FP32."""
    max_batch: int

    @property
    def name(self) -> str:
        return PREFIX + sha256(self.config.encode() + self.model).hexdigest()[:16]

    @property
    def config(self) -> str:
        """As JSON, for a request."""
        return json.dumps(_config(self.max_batch))

    @property
    def in_request(self) -> dict[str, bytes]:
        return {f"file:{_MODEL}": self.model}

    @property
    def in_repository(self) -> dict[str, bytes]:
        return {_CONFIG: _text(_config(self.max_batch)).encode(), _MODEL: self.model}


class _Word(str):
    """Of an enumeration: it stands without quotes."""

    __slots__ = ()


def _config(max_batch: int) -> dict[str, Any]:
    image: dict[str, Any] = {"name": "image", "data_type": _Word("TYPE_UINT8"), "dims": [SIDE, SIDE, 3]}
    score: dict[str, Any] = {
        "name": "score",
        "data_type": _Word("TYPE_FP32"),
        "dims": [1],
        "reshape": {"shape": []},
    }
    heatmap: dict[str, Any] = {"name": "heatmap", "data_type": _Word("TYPE_FP32"), "dims": [GRID, GRID]}
    return {
        "backend": "onnxruntime",
        "max_batch_size": max_batch,
        "input": [image],
        "output": [score, heatmap],
        "instance_group": [{"count": 1}],  # of each device: a second one on the same cores wins nothing
        # Pictures of several inspectors that wait together are inferred together; none waits for another.
        "dynamic_batching": {"max_queue_delay_microseconds": 0},
        "version_policy": {"all": {}},
    }


def _text(message: Mapping[str, Any]) -> str:
    """A protobuf message in its text form."""
    lines = list[str]()
    for key, value in message.items():
        several = cast("list[Any]", value) if isinstance(value, list) else [value]
        lines += (f"{key}{_shown(each)}\n" for each in several)
    return "".join(lines)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return f" {{\n{_text(cast('dict[str, Any]', value))}}}"
    return ": " + (value if isinstance(value, _Word) else json.dumps(value))


@dataclass(frozen=True)
class FolderRepository:
    """A folder that this process writes and the server reads; Raises Unavailable where that fails."""

    folder: Path

    async def put(self, name: str, files: Mapping[str, bytes]) -> None:
        await asyncio.to_thread(self._put, name, files)

    async def remove(self, name: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self.folder / name, ignore_errors=True)

    def _put(self, name: str, files: Mapping[str, bytes]) -> None:
        if (self.folder / name).exists():
            return
        half = self.folder / f".{name}-{secrets.token_hex(4)}"
        try:
            for path, data in files.items():
                (half / path).parent.mkdir(parents=True, exist_ok=True)
                (half / path).write_bytes(data)
            half.rename(self.folder / name)
        except OSError as error:
            shutil.rmtree(half, ignore_errors=True)
            if not (self.folder / name).exists():  # else another inspector was quicker
                raise Unavailable(f"Triton's model repository can't be written: {error}") from error
