"""What an attempt was made of, so that the same can be run again, or what differs be said."""

from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name
from andon.contracts.queue._job import Job, JobId, Json
from andon.contracts.queue._spec import ComponentPath, Environment, Sha256, Spec, Word

Difference = Annotated[str, StringConstraints(max_length=2000)]
"""A sentence for people: what it was, and what it is."""


class Given(Message):
    """An input as it came."""

    name: Label
    kind: Word = "dataset"
    source: Annotated[str, StringConstraints(max_length=2048)]
    """The object's key or the URL it came from."""
    sha256: Sha256
    size: Annotated[int, Field(ge=0)]
    """Bytes."""


class JobRecord(Message):
    """Taken by the device when all was prepared, and told with the start of the process."""

    attempt: Annotated[int, Field(ge=0)]
    device: Name
    spec: Spec
    """As it ran, with what names meant then: inputs by sha256, components by hash."""
    parameters: Json = Field(default_factory=dict)
    inputs: Annotated[tuple[Given, ...], Field(max_length=258)] = ()
    """The snapshot first."""
    manifest: Name | None = None
    """Whose components these are."""
    components: Annotated[dict[ComponentPath, Sha256], Field(max_length=5000)] = Field(default_factory=dict)
    """As they lay in the folder, each file hashed just before the start."""
    environment: Environment
    checkpoint: Json | None = None
    """Where it went on: what an attempt before it had left."""
    differences: Annotated[tuple[Difference, ...], Field(max_length=1000)] = ()
    """From what the job asked for or expected, where it ran nevertheless."""


class GetRecord(Message):
    """NotFound when the attempt did not come to its start."""

    id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    """A job's id or one of its aliases."""
    attempt: Annotated[int, Field(ge=1)] | None = None
    """By default the last one that has a record."""


class RepeatJob(GetRecord):
    """Run an ended job again, from the record of what it was made of."""

    by: Label = "andon"
    anyway: bool = False
    """Also where it will not be the same."""
    new_id: JobId | None = None
    """Made by the asker, so that asking again is harmless."""


class Repeated(Message):
    job: Job | None = None
    """None: it would not be the same, and `differences` says why."""
    differences: tuple[Difference, ...] = ()
    notes: tuple[Difference, ...] = ()
    """What is other on purpose, such as where its files go."""
