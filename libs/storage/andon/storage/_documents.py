"""How models become documents.

BSON dates keep milliseconds only, and Andon counts in microseconds. So a moment is stored as text of fixed
width in UTC, `2026-01-31T08:00:00.000123Z`: it sorts and compares as the moment does, in every query and
index, and a model reads it back with its zone.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, TypeAlias, cast

from pydantic import BaseModel

Document: TypeAlias = dict[str, Any]

_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def stored(value: Any) -> Any:
    """A value as it stands in a document; for raw filters and updates too.

    Raises ValueError for a time without zone.
    """
    if isinstance(value, datetime):
        return _moment(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, BaseModel):
        return stored(value.model_dump())
    if isinstance(value, Mapping):
        return {str(name): stored(item) for name, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [stored(item) for item in cast("list[Any]", value)]
    return value


def _moment(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a stored time carries its zone")
    return value.astimezone(UTC).strftime(_FORMAT)
