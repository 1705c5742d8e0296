"""Ids of jobs that sort by time, and the other names by which a job is asked for."""

import re
import secrets
from datetime import UTC, datetime, timedelta
from uuid import UUID

from andon.contracts import NotFound

_HEX = re.compile(r"[0-9a-f]{32}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS = 4
"""Ids of one microsecond."""
_AHEAD = 1_000_000 * _TICKS
"""A clock that was set back by more than a second is followed."""
_last = 0


def new_id(now: datetime) -> str:
    """A UUID of version 7; of two made in one process the later is the greater."""
    global _last  # noqa: PLW0603 - the order within a millisecond is this process's own
    tick = micros(now) * _TICKS
    _last = _last + 1 if tick <= _last < tick + _AHEAD else tick
    moment, fraction = divmod(_last, _TICKS * 1000)
    value = moment << 80 | 0x7 << 76 | fraction << 64 | 0b10 << 62 | secrets.randbits(62)
    return str(UUID(int=value))


def first_id(moment: datetime) -> str:
    """No id made at this moment or later sorts before this one."""
    return str(UUID(int=max(micros(moment), 0) // 1000 << 80))


def made_at(job_id: str) -> datetime:
    """When an id was made, to the millisecond."""
    return _EPOCH + timedelta(milliseconds=UUID(job_id).int >> 80)


def micros(moment: datetime) -> int:
    """Since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def named(name: str) -> tuple[str, str]:
    """The field and value by which a job of this id or alias is found. Raises NotFound."""
    text = name.strip().lower()
    if re.fullmatch(r"\d{8}_[0-9a-f]{4}", text):
        return "keys", f"cvlab:{text}"
    if _HEX.fullmatch(text.replace("-", "")):
        return "id", str(UUID(text))
    raise NotFound(f"there is no job {name!r}")


def cvlab_uid(now: datetime) -> str:
    """A day and a random rest; another job may have it already."""
    return f"{now:%Y%m%d}_{secrets.token_hex(2)}"
