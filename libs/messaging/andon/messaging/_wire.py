"""How messages look on the bus: bodies, field headers, CloudEvents headers, problems."""

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from nats.aio.msg import Msg
from pydantic import ValidationError

from andon.contracts import Body, Message, Problem, Subject
from andon.messaging._delivery import Delivery

M = TypeVar("M", bound=Message)

ID = "Nats-Msg-Id"
PROBLEM = "Andon-Problem"


def body_of(subject: Subject[Any], message: Message, body: bytes) -> bytes:
    """The bytes that go out: the given ones, or the message as JSON."""
    return body if subject.body is Body.BINARY else message.model_dump_json().encode()


def headers_of(subject: Subject[Any], message: Message) -> dict[str, str]:
    """The message's fields as headers where the body is taken by free bytes."""
    if subject.body is not Body.BINARY:
        return {}
    fields = message.model_dump(mode="json", exclude_none=True)
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def cloud_event(address: str, source: str, key: str) -> dict[str, str]:
    """CloudEvents 1.0 attributes in the binary mode of its NATS binding."""
    return {
        "ce-specversion": "1.0",
        "ce-type": address,
        "ce-source": source,
        "ce-id": key,
        "ce-time": datetime.now(UTC).isoformat(),
    }


def parsed(subject: Subject[M], delivery: Delivery) -> M:
    """The typed message of a delivery. Raises pydantic's ValidationError."""
    if subject.body is not Body.BINARY:
        return subject.payload.model_validate_json(delivery.body)
    headers = delivery.headers
    return subject.payload.model_validate_strings(
        {name: headers[name] for name in _fields(subject.payload) if name in headers}
    )


@lru_cache
def _fields(payload: type[Message]) -> tuple[str, ...]:
    return tuple(payload.model_fields)


def kept(msg: Msg) -> Delivery:
    """The delivery of a message that a stream keeps."""
    meta = msg.metadata
    return Delivery(
        msg.subject, meta.sequence.stream, meta.num_delivered, meta.timestamp, msg.headers or {}, msg.data
    )


def asked(msg: Msg) -> Delivery:
    """The delivery of a question."""
    return Delivery(msg.subject, 0, 1, datetime.now(UTC), msg.headers or {}, msg.data)


def invalid_fields(error: ValidationError) -> dict[str, str]:
    """What is wrong with which field."""
    return {".".join(map(str, one["loc"])) or "body": one["msg"] for one in error.errors(include_url=False)}


def problem_in(msg: Msg) -> Problem | None:
    """The problem in a reply, if it is one."""
    if not msg.headers or PROBLEM not in msg.headers:
        return None
    return Problem.model_validate_json(msg.data)
