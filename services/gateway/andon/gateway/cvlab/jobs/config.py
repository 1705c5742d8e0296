"""The YAML text of an experiment: read with bounds, without running anything, and kept under its digest."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from andon.contracts import BadRequest, NotFound
from andon.contracts.queue import Input, Job
from andon.gateway.context import Gateway
from andon.gateway.cvlab.jobs.bodies import FolderName

LONGEST = 256 << 10
"""Bytes of a text."""
FILE = "config.yaml"
_MOST_LETTERS = 1 << 20
"""Of all values with aliases written out, so that a few lines can't stand for gigabytes."""
_DEEPEST = 60
_ALSO_KEPT = 8192
"""Bytes of the values as JSON up to which a job carries them, so that lists of runs can show them."""
_NAME = TypeAdapter(FolderName)


class _Loader(yaml.CSafeLoader):
    """Plain values only; a tuple is one, whoever wrote it."""


def _tuple(loader: _Loader, node: Any) -> list[Any]:
    return loader.construct_sequence(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:python/tuple", _tuple)


@dataclass(frozen=True)
class Config:
    """A text that was read."""

    text: str
    values: dict[str, Any]

    @property
    def parameters(self) -> dict[str, Any]:
        """The values where they are few, else nothing."""
        told = json.dumps(self.values, default=str)
        return json.loads(told) if len(told) <= _ALSO_KEPT else {}

    def name(self, key: str) -> str | None:
        """A value that may be a name; None where there is none or it may not."""
        try:
            return _NAME.validate_python(self.values.get(key))
        except ValidationError:
            return None


async def read(text: str) -> Config:
    """Raises BadRequest for what is no YAML mapping of plain values, or grows too large."""
    return await asyncio.to_thread(_read, text)


async def kept(here: Gateway, config: Config) -> Input:
    """The text in the object store, as a job names it."""
    data = config.text.encode()
    sha256 = hashlib.sha256(data).hexdigest()
    key = f"configs/{sha256}"
    if not await here.blobs.exists(key):
        await here.blobs.put(key, data, "application/yaml", sha256=sha256)
    return Input(name=FILE, source=key, sha256=sha256, mount_path=FILE, kind="file")


async def text_of(here: Gateway, job: Job) -> str:
    """A job's configuration. Raises NotFound for a job that has none."""
    for each in job.spec.inputs:
        if each.name == FILE and each.kind == "file":
            return (await here.blobs.get(each.source)).decode()
    raise NotFound("The job has no configuration.")


def _read(text: str) -> Config:
    try:
        if len(text.encode()) > LONGEST:
            raise _refused(f"it is longer than {LONGEST >> 10} KiB")
        root = yaml.compose(text, Loader=_Loader)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        if not isinstance(root, yaml.MappingNode):
            raise _refused("it must be a mapping of names to values")
        _letters(root, {}, 0)
        values: Any = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refused(f"{error.problem or error.context}{place}") from None
    except yaml.YAMLError as error:
        raise _refused(str(error).splitlines()[0]) from None
    except (ValueError, TypeError, RecursionError) as error:  # 31 February, an unhashable key, half a pair
        raise _refused(str(error)) from None
    return Config(text, {str(name): value for name, value in values.items()})


def _letters(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """How long a node would be with its aliases written out. Raises BadRequest where that is too much."""
    if depth > _DEEPEST or known.get(id(node)) == 0:
        raise _refused("it contains itself, or is nested too deeply")
    if (counted := known.get(id(node))) is not None:
        return counted
    known[id(node)] = 0
    count = 1
    if isinstance(node, yaml.ScalarNode):
        count += len(node.value)
    elif isinstance(node, yaml.SequenceNode):
        count += sum(_letters(each, known, depth + 1) for each in node.value)
    elif isinstance(node, yaml.MappingNode):
        count += sum(_letters(each, known, depth + 1) for pair in node.value for each in pair)
    if count > _MOST_LETTERS:
        raise _refused("with its aliases written out it is too large")
    known[id(node)] = count
    return count


def _refused(why: str) -> BadRequest:
    return BadRequest(f"config: {why}.", {"config": why})
