"""When a schedule is due next."""

from datetime import UTC, datetime, timedelta

from andon.contracts import Invalid
from andon.contracts.queue import Schedule

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_DAYS_AHEAD = 366 * 9
"""A 29th of February may be eight years away."""


def next_due(schedule: Schedule, after: datetime) -> datetime:
    """The first moment after this one, UTC. Raises Invalid when the schedule names none."""
    if (schedule.every_seconds is None) == (schedule.cron is None):
        raise Invalid("a schedule has either every_seconds or cron", {"every_seconds": "this or cron"})
    if schedule.every_seconds is not None:
        step = timedelta(seconds=schedule.every_seconds)
        since = schedule.next_at or after
        if since > after:
            return since
        return since + step * ((after - since) // step + 1)
    return _next_cron(schedule.cron or "", after.astimezone(UTC))


def _next_cron(text: str, after: datetime) -> datetime:
    minutes, hours, days, months, weekdays = _parsed(text)
    any_day, any_weekday = days == set(range(1, 32)), weekdays >= set(range(7))
    start = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    first = start.replace(hour=0, minute=0)
    for ahead in range(_DAYS_AHEAD):
        day = first + timedelta(days=ahead)
        of_month, of_week = day.day in days, (day.weekday() + 1) % 7 in weekdays
        # Where both are restricted, either will do: so it is with every cron.
        suits = of_month and of_week if any_day or any_weekday else of_month or of_week
        if day.month not in months or not suits:
            continue
        for hour in sorted(hours):
            for minute in sorted(minutes):
                moment = day.replace(hour=hour, minute=minute)
                if moment >= start:
                    return moment
    raise Invalid("the schedule is never due", {"cron": "no such day"})


def _parsed(text: str) -> list[set[int]]:
    parts = text.split()
    if len(parts) != len(_FIELDS):
        raise Invalid("cron has five fields", {"cron": "minute hour day month weekday"})
    found = [_values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
    found[4] = {value % 7 for value in found[4]}
    return found


def _values(part: str, name: str, low: int, high: int) -> set[int]:
    values: set[int] = set()
    for piece in part.split(","):
        span, _, step = piece.partition("/")
        first, dash, last = span.partition("-")
        try:
            by = int(step) if step else 1
            if span == "*":
                begin, end = low, high
            else:
                begin = int(first)
                end = int(last) if dash else (high if step else begin)
        except ValueError:
            raise Invalid(f"{piece!r} is no {name}", {"cron": f"{name} {piece!r}"}) from None
        if by < 1 or not low <= begin <= end <= high:
            raise Invalid(f"{piece!r} is no {name}", {"cron": f"{name}: {low} to {high}"})
        values.update(range(begin, end + 1, by))
    return values
