"""The form of a good answer below /api: {"data": ..., "meta": {...}}."""

from datetime import UTC, datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

T = TypeVar("T")


class Meta(BaseModel):
    timestamp: datetime
    version: str = "1.0"
    """Of this form."""
    message: str = ""


class Answer(BaseModel, Generic[T]):
    data: T
    meta: Meta = Field(default_factory=lambda: Meta(timestamp=datetime.now(UTC)))


def answered(data: T, message: str = "") -> Answer[T]:
    """With the time of now."""
    return Answer(data=data, meta=Meta(timestamp=datetime.now(UTC), message=message))
