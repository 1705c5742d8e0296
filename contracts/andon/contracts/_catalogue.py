"""Every subject there is, and the streams they are kept in."""

from collections.abc import Iterator
from typing import Any, cast

from andon.contracts import (
    alerting,
    audit,
    auth,
    batch,
    camera,
    component,
    config,
    dataset,
    fieldbus,
    inspection,
    learning,
    opcua,
    question,
    queue,
    review,
    rollout,
    runtime,
    station,
    sync,
    training,
    workspace,
)
from andon.contracts._subject import INTEGRATIONS, Command, Event, Subject

CONTEXTS = (
    inspection,
    station,
    auth,
    audit,
    training,
    learning,
    review,
    dataset,
    rollout,
    alerting,
    opcua,
    camera,
    batch,
    fieldbus,
    queue,
    config,
    question,
    runtime,
    component,
    sync,
    workspace,
)
SERVICES = (
    "gateway",
    "auth",
    "inspection",
    "training",
    "alerting",
    "opcua-bridge",
    "queue",
    "component-store",
    "sync",
)

FOLLOWERS = ("gateway", "alerting", "opcua-bridge", "queue")
"""Services that follow events from a place they remember themselves; the broker keeps no durable for them."""


def _subjects() -> Iterator[Subject[Any]]:
    for module in CONTEXTS:
        for value in vars(module).values():
            if isinstance(value, Subject):
                yield cast("Subject[Any]", value)


SUBJECTS: tuple[Subject[Any], ...] = tuple(sorted(_subjects(), key=lambda subject: subject.address))

FEED = "feed"
"""The stream that gathers what dashboards may hear, under one sequence for replay."""
FEED_CONTEXTS = (
    "inspection",
    "station",
    "training",
    "learning",
    "review",
    "dataset",
    "rollout",
    "alerting",
    "batch",
    "queue",
    "component",
    "sync",
    "config",
    "fieldbus",
    "opcua",
)


def stream_of(subject: Event[Any] | Command[Any]) -> str:
    """The name of the stream that keeps a subject's messages."""
    if isinstance(subject, Event):
        return subject.stream or f"{subject.context}-events"
    return f"{subject.context}-commands"


def durable_of(service: str, subject: Event[Any] | Command[Any]) -> str:
    """The name under which a service's place in a stream is remembered."""
    return f"{service}_{subject.name}"


def durable_hearers(subject: Event[Any] | Command[Any]) -> list[str]:
    """The services whose place in a stream the broker remembers; others follow, or talk from outside."""
    followers = FOLLOWERS if isinstance(subject, Event) else ()
    return [service for service in subject.heard_by if service not in (*followers, INTEGRATIONS)]


def subject_at(address: str) -> Subject[Any]:
    """The subject at an address. Raises KeyError when there is none."""
    for subject in SUBJECTS:
        if subject.address == address:
            return subject
    raise KeyError(address)


def kind_of(subject: Subject[Any]) -> str:
    """event, command or query."""
    return type(subject).__name__.lower()
