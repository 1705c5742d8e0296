"""Where in time a page of records lies, found from counts alone, so that no list is ever sorted whole."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from andon.contracts.inspection import Decision
from andon.inspection.domain.rollups import Rollup

FINE = 60
"""Records; an hour with more is looked at by the minute."""

_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Span:
    """A stretch of time: from `since`, before `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Stretch:
    """A stretch of time and how many records it holds."""

    span: Span
    count: int
    rows: tuple[Rollup, ...] = ()
    """Its hour's counts by station, where it is a whole hour."""
    exact: bool = True
    """False for part of a minute: there the counts say nothing and `count` is 0."""


@dataclass(frozen=True)
class Window:
    """The time that holds a page of records, and how many of them come before the page."""

    since: datetime
    until: datetime
    skip: int


def stretches(
    rows: Iterable[Rollup], decision: Decision | None, since: datetime | None, until: datetime | None
) -> list[Stretch]:
    """The hours that hold records, newest first; those that `since` or `until` cut, by the minute."""
    hours: dict[datetime, list[Rollup]] = {}
    for row in rows:
        if row.remaining(decision) > 0:
            hours.setdefault(row.hour, []).append(row)
    found: list[Stretch] = []
    for hour in sorted(hours, reverse=True):
        of_hour = tuple(hours[hour])
        start, end = max(hour, since or hour), min(hour + _HOUR, until or hour + _HOUR)
        if end <= start:
            continue
        whole = end - start == _HOUR
        if whole:
            count = sum(row.remaining(decision) for row in of_hour)
            found.append(Stretch(Span(hour, hour + _HOUR), count, of_hour))
        else:
            found += minutes(of_hour, decision, Span(start, end))
    return found


def minutes(rows: Sequence[Rollup], decision: Decision | None, span: Span) -> Iterator[Stretch]:
    """The minutes of an hour inside a span, newest first, without the empty ones."""
    for minute in reversed(range(60)):
        start = rows[0].hour + minute * _MINUTE
        inside = Span(max(start, span.since), min(start + _MINUTE, span.until))
        count = sum(row.remaining_in(minute, decision) for row in rows)
        if count and inside.until > inside.since:
            exact = inside.until - inside.since == _MINUTE
            yield Stretch(inside, count if exact else 0, exact=exact)


def window(hours: Iterable[Stretch], decision: Decision | None, limit: int, offset: int = 0) -> Window | None:
    """Where the page lies; dense hours are looked into by the minute only where the page begins or ends."""
    seen, until, skip, last = 0, None, 0, None
    for hour in hours:
        if hour.exact and seen + hour.count <= offset:
            seen += hour.count
            continue
        fine = not hour.rows or hour.count <= FINE
        for piece in (hour,) if fine else minutes(hour.rows, decision, hour.span):
            if piece.exact and seen + piece.count <= offset:
                seen += piece.count
                continue
            if until is None:
                until, skip = piece.span.until, offset - seen
            seen, last = seen + piece.count, piece.span.since
            if seen >= offset + limit:
                return Window(last, until, skip)
    return Window(last, until, skip) if until is not None and last is not None else None


def oldest_first(hours: Sequence[Stretch], wanted: Callable[[Rollup], bool], at_most: int) -> Iterator[Span]:
    """Spans to walk through from the oldest, each with about so many records or fewer."""
    for hour in reversed(hours):
        if hour.rows and not any(wanted(row) for row in hour.rows):
            continue
        if not hour.rows or hour.count <= at_most:
            yield hour.span
            continue
        pieces = list(minutes(hour.rows, None, hour.span))
        yield from (piece.span for piece in reversed(pieces))
