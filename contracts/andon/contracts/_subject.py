"""A subject is a typed constant that sayer, hearer and documentation all import."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from andon.contracts._message import Message

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)

INTEGRATIONS = "integrations"
"""Whoever talks to Andon from outside: cameras, line controllers, the CLI."""


class Body(StrEnum):
    """What a message's bytes are."""

    JSON = "json"
    """The payload model as JSON."""
    BINARY = "binary"
    """Free bytes, such as an encoded image; the payload model's fields travel as headers."""


@dataclass(frozen=True)
class Subject(Generic[M]):
    """An address on the bus, what is said there, by whom, to whom and why."""

    address: str
    payload: type[M]
    why: str
    said_by: tuple[str, ...]
    heard_by: tuple[str, ...]
    body: Body = Body.JSON

    @property
    def context(self) -> str:
        """The bounded context that owns the subject."""
        return self.address.split(".", 1)[0]

    @property
    def name(self) -> str:
        """The address in a form that is safe in file and durable names."""
        return self.address.replace(".", "-")


@dataclass(frozen=True)
class Event(Subject[M]):
    """Something that happened; many may hear it. Kept in its context's event stream."""

    stream: str | None = None
    """A stream of its own, where the context's event stream would not do."""


@dataclass(frozen=True)
class Command(Subject[M]):
    """Something to be done once; one hears it. Kept until it is done."""


@dataclass(frozen=True)
class Query(Subject[M], Generic[M, R]):
    """A question with an answer over core NATS; nothing is kept."""

    reply: type[R] = Message  # type: ignore[assignment]
    """The model of a good answer; a bad one is a `Problem`."""
