"""The stretch of time that a question is about, in whole clock hours, UTC."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from andon.inspection.domain.questions.words import masked, unread

DAYS_AT_MOST = 366

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPANS = {"minute": timedelta(minutes=1), "hour": _HOUR, "day": _DAY, "week": 7 * _DAY, "month": 30 * _DAY}
_SHORT = {"min": "minute", "h": "hour", "hr": "hour", "d": "day"}


@dataclass(frozen=True)
class Period:
    """From `since`, before `until`."""

    since: datetime
    until: datetime
    words: str
    """Such as `over the last 7 days`."""
    before: timedelta
    """How far back the stretch lies that it is compared with."""

    @property
    def earlier(self) -> "Period":
        """The stretch that it is compared with."""
        return Period(self.since - self.before, self.until - self.before, "before", self.before)

    def holds(self, hour: datetime) -> bool:
        """Whether an hour's counts belong to it."""
        return self.since <= hour < self.until


Reader = Callable[[re.Match[str], datetime], Period]


def period_in(text: str, now: datetime) -> tuple[Period, str]:
    """The period that plain words name, and the words without it; without one, the last 7 days.

    Raises Invalid for more than one, and for one that is too long.
    """
    found: Period | None = None
    moment = now.astimezone(UTC)
    for pattern, reader in _PATTERNS:
        while match := pattern.search(text):
            if found is not None:
                raise unread("It names more than one period; ask for one at a time.")
            found = reader(match, moment)
            text = masked(text, *match.span())
    period = found or _lately(7 * _DAY, "over the last 7 days", moment)
    if period.until - period.since > (DAYS_AT_MOST + 1) * _DAY:
        raise unread(f"A period may be at most {DAYS_AT_MOST} days long.")
    return period, text


def _lately(span: timedelta, words: str, now: datetime) -> Period:
    since = _floor(now - span)
    return Period(since, now, words, span)


def _from(since: datetime, words: str, now: datetime, before: timedelta) -> Period:
    return Period(since, now, words, before)


def _day(start: datetime, words: str, now: datetime) -> Period:
    return Period(start, min(start + _DAY, now) if start <= now else start + _DAY, words, 7 * _DAY)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _today(_: re.Match[str], now: datetime) -> Period:
    return _from(_midnight(now), "today", now, _DAY)


def _yesterday(_: re.Match[str], now: datetime) -> Period:
    return Period(_midnight(now) - _DAY, _midnight(now), "yesterday", _DAY)


def _since_yesterday(_: re.Match[str], now: datetime) -> Period:
    return _from(_midnight(now) - _DAY, "since yesterday", now, 2 * _DAY)


def _this_week(_: re.Match[str], now: datetime) -> Period:
    return _lately(7 * _DAY, "over the last 7 days", now)


def _last_week(_: re.Match[str], now: datetime) -> Period:
    monday = _midnight(now) - now.weekday() * _DAY
    return Period(monday - 7 * _DAY, monday, "last week, Monday to Sunday", 7 * _DAY)


def _this_month(_: re.Match[str], now: datetime) -> Period:
    first = _midnight(now).replace(day=1)
    return _from(first, "this month", now, first - _month_before(first))


def _last_month(_: re.Match[str], now: datetime) -> Period:
    until = _midnight(now).replace(day=1)
    since = _month_before(until)
    return Period(since, until, "last month", since - _month_before(since))


def _month_before(first: datetime) -> datetime:
    return (first - _DAY).replace(day=1)


def _last_spans(match: re.Match[str], now: datetime) -> Period:
    unit = match["unit"].removesuffix("s") if len(match["unit"]) > 1 else match["unit"]
    unit = _SHORT.get(unit, unit)
    count = int(match["count"] or 1)
    if not count >= 1 or count * _SPANS[unit] > DAYS_AT_MOST * _DAY:
        raise unread(f"A period is between 1 minute and {DAYS_AT_MOST} days long.")
    amount = f"{count} {unit}s" if count > 1 else unit
    return _lately(count * _SPANS[unit], f"over the last {amount}", now)


def _days_ago(match: re.Match[str], now: datetime) -> Period:
    count = int(match["count"])
    if count > DAYS_AT_MOST:
        raise unread(f"A period may begin at most {DAYS_AT_MOST} days ago.")
    words = f"{count} days ago" if count > 1 else "1 day ago"
    return _day(_midnight(now) - count * _DAY, words, now)


def _date(match: re.Match[str], now: datetime) -> Period:
    try:
        start = datetime(int(match["year"]), int(match["month"]), int(match["day"]), tzinfo=UTC)
    except ValueError:
        raise unread("There is no such date.") from None
    return _day(start, f"on {start:%Y-%m-%d}", now)


def _since_weekday(match: re.Match[str], now: datetime) -> Period:
    start = _latest(match["weekday"], now)
    return _from(start, f"since {match['weekday'].capitalize()}", now, 7 * _DAY)


def _on_weekday(match: re.Match[str], now: datetime) -> Period:
    start = _latest(match["weekday"], now)
    if match["last"] and start == _midnight(now):
        start -= 7 * _DAY
    return _day(start, f"on {match['weekday'].capitalize()}", now)


def _latest(weekday: str, now: datetime) -> datetime:
    return _midnight(now) - (now.weekday() - _WEEKDAYS.index(weekday)) % 7 * _DAY


_NAMES = "|".join(_WEEKDAYS)
_UNITS = "minutes?|mins?|hours?|hrs?|h|days?|d|weeks?|months?"
_OVER = r"(?:(?:in|over|during|within|for) )?(?:the )?"
_PATTERNS: tuple[tuple[re.Pattern[str], Reader], ...] = tuple(
    (re.compile(rf"\b(?:{pattern})\b"), reader)
    for pattern, reader in (
        (r"(?:on )?(?P<year>20\d\d) (?P<month>\d\d?) (?P<day>\d\d?)", _date),
        (r"(?:so far )?today(?: so far)?|since midnight|currently|current|right now|at the moment", _today),
        (r"since yesterday", _since_yesterday),
        (r"yesterday", _yesterday),
        (r"(?:so far )?this week(?: so far)?|(?:in|over|during|within) the week", _this_week),
        (r"(?:last|previous) week", _last_week),
        (r"(?:so far )?this month(?: so far)?", _this_month),
        (r"(?:last|previous) month", _last_month),
        (rf"since (?:last )?(?P<weekday>{_NAMES})", _since_weekday),
        (rf"(?:on )?(?P<last>last )?(?P<weekday>{_NAMES})", _on_weekday),
        (r"(?P<count>\d{1,6}) days? ago", _days_ago),
        (
            rf"{_OVER}(?:last|past|previous|recent) (?:(?P<count>\d{{1,9}}) )?(?P<unit>{_UNITS})",
            _last_spans,
        ),
    )
)
