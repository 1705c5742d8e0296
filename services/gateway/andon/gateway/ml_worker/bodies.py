"""What clients of the ML worker API send; what does not fit is answered with 422."""

import re
from collections import Counter
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    StringConstraints,
    model_validator,
)

from andon.contracts import Label, Name
from andon.contracts.queue import ComponentPath, Components, Conflicts, Pattern, RelativePath
from andon.gateway.domain import split

_LONGEST = 131_072
_LABEL = 128
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")

JobName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]+$", max_length=64)]


def _unset(value: Any) -> Any:
    return None if value == "" else value


def _number(value: Any) -> Any:
    if isinstance(value, bool | str):
        raise ValueError("a whole number")  # noqa: TRY004 - pydantic takes a TypeError for a bug
    return value


def _splits(text: str) -> str:
    split(text)
    return text


Arguments = Annotated[str, StringConstraints(max_length=_LONGEST), AfterValidator(_splits)]
Unset = BeforeValidator(_unset)
"""An empty string says as much as nothing."""
Whole = BeforeValidator(_number)
"""Neither "5" nor true counts as one."""
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$", to_lower=True)]


class DatasetSpecBody(BaseModel):
    name: Annotated[Label | None, Unset] = None
    """By default the last piece of `source`."""
    source: Annotated[Annotated[str, StringConstraints(max_length=2048)] | None, Unset] = None
    """Object key, or URL that a worker can fetch; without one, the dataset that is registered as `name`."""
    sha256: Annotated[Sha256 | None, Unset] = None
    """Of the file; another one fails the task before it starts."""
    mount_path: Annotated[RelativePath | None, Unset] = None
    """Where it lies in the task's folder; by default `inputs/<name>`."""

    @model_validator(mode="after")
    def _has_a_name(self) -> Self:
        if self.name is None and self.source is None:
            raise ValueError("name or source has to say which dataset")
        return self

    @property
    def called(self) -> str:
        """What tasks call it."""
        last = (self.source or "").rstrip("/").rpartition("/")[2]
        return self.name or _CONTROLS.sub("_", last)[-_LABEL:] or "dataset"


def _different(specs: list[DatasetSpecBody]) -> list[DatasetSpecBody]:
    twice = [name for name, count in Counter(each.called for each in specs).items() if count > 1]
    if twice:
        raise ValueError(f"{twice[0]!r} is the name of more than one")
    return specs


class TaskBody(BaseModel):
    job_name: JobName
    """Unique among live tasks."""
    priority: Annotated[int, Field(ge=1, le=10), Whole] = 5
    """10 is the most urgent."""
    args: Arguments = ""
    """For the snapshot's entry, `python train.py` by default; split as a shell would, run without one."""
    snapshot_id: Annotated[Name | None, Unset] = None
    """Code that is unpacked into the task's folder."""
    datasets: Annotated[list[Name], Field(max_length=100)] = []
    """Names of registered datasets."""
    dataset_specs: Annotated[list[DatasetSpecBody], Field(max_length=100), AfterValidator(_different)] = []
    """One whose name is among `datasets`, too, is the same dataset."""
    cpu: Annotated[int, Field(ge=0, le=4096), Whole] = 0
    memory_gb: Annotated[int, Field(ge=0, le=65536), Whole] = 0
    gpu: Annotated[int, Field(ge=0, le=64), Whole] = 0
    max_retries: Annotated[int, Field(ge=0, le=100), Whole] = 0
    """Repeats after a failure of its own; one that the worker is to blame for is repeated anyway."""
    metadata: dict[str, str] = {}
    component_manifest: Annotated[Name | None, Unset] = None
    """An experiment: its exact components are written into the task's folder before it starts."""
    components: Annotated[dict[ComponentPath, Sha256], Field(max_length=2000)] = {}
    """sha256 by path, such as model/resnet.py; before what the manifest says of the same path."""
    component_conflicts: Conflicts = Conflicts.SERVER_AUTHORITATIVE
    """Where the snapshot has another version."""
    sync: Annotated[list[Pattern], Field(max_length=64)] = []
    """Files of the task's folder that are kept the same on the server while it runs, such as `*.log`."""

    @property
    def wanted_components(self) -> Components | None:
        """None when it names none."""
        if not self.components and self.component_manifest is None:
            return None
        return Components(
            manifest=self.component_manifest, versions=self.components, conflicts=self.component_conflicts
        )


class ExperimentBody(BaseModel):
    name: Annotated[str, StringConstraints(max_length=128)]
    description: Annotated[str, StringConstraints(max_length=16_384)] = ""
    commit_id: Annotated[str, StringConstraints(max_length=128)] | None = None


class NotebookBody(BaseModel):
    name: Label
    """For people; need not be unique."""
    workspace: Annotated[RelativePath | None, Unset] = None
    """Folder inside the job's own; by default `workspace`. Its files are kept as artifacts when it ends."""
    image: Annotated[str, StringConstraints(max_length=512)] = "jupyter/pytorch:latest"
    """Noted; a worker runs the JupyterLab that is installed there."""
