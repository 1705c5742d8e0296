"""What every message on the bus has in common."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


class Message(BaseModel):
    """A frozen payload: readers ignore fields they don't know, writers send exactly these."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time on the bus carries its zone, for example 2026-01-31T08:00:00Z")
    return value


Time = Annotated[datetime, AfterValidator(_aware)]
"""A moment with its zone; Andon writes UTC to the microsecond."""

Name = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$"),
]
"""An identifier that is safe in a subject, an object key and a URL."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""Free text from a line integration, such as a part number: one line, no control characters."""
