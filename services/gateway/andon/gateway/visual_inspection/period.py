"""A stretch of time as clients write it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

from fastapi import Query

from andon.contracts import BadRequest

_DAY = len("2026-01-31")
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

Since = Annotated[
    str | None, Query(max_length=40, description="ISO 8601; a day begins at 00:00 UTC, no zone is UTC.")
]
Until = Annotated[
    str | None, Query(max_length=40, description="ISO 8601, not included; a day alone is included whole.")
]


@dataclass(frozen=True)
class Period:
    """From `since`, before `until`; None is open."""

    since: datetime | None
    until: datetime | None

    @classmethod
    def parsed(cls, **ends: str | None) -> Self:
        """From two named values, the beginning first. Raises BadRequest that names the field."""
        (first, begins), (last, finishes) = ends.items()
        since, until = _moment(first, begins, 0), _moment(last, finishes, 1)
        if since and until and since > until:
            raise BadRequest(f"{first}: lies after {last}", {first: f"lies after {last}"})
        return cls(since, until)


def _moment(field: str, text: str | None, days: int) -> datetime | None:
    """With so many days added to a day named without a time; moments that no part can have are moved."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        moment = max(_FIRST, min(_LAST, moment)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        why = "is not a time in ISO 8601, for example 2026-01-31 or 2026-01-31T08:00:00Z"
        raise BadRequest(f"{field}: {why}", {field: why}) from error
    return moment + timedelta(days=days) if len(text) == _DAY else moment
