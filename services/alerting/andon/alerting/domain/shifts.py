"""When a rule holds: shifts of a week in a place's own time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from andon.contracts.alerting import Day, Schedule, Shift

_DAYS = tuple(Day)


def on_shift(schedule: Schedule | None, now: datetime) -> bool:
    """Whether a rule holds now."""
    return schedule is None or shift_began(schedule, now) is not None


def shift_began(schedule: Schedule, now: datetime) -> datetime | None:
    """When the shift that now is in began; the earliest where several are."""
    local = now.astimezone(ZoneInfo(schedule.zone))
    begins = [
        begin
        for shift in schedule.shifts
        for day in (local - timedelta(days=1), local)
        if _DAYS[day.weekday()] in shift.days
        for begin, end in (_bounds(shift, day),)
        if begin <= now < end
    ]
    return min(begins, default=None)


def longest_seconds(schedule: Schedule) -> int:
    """The longest time in a shift, without a change of the clock."""
    return max(_minutes(shift) for shift in schedule.shifts) * 60


def _bounds(shift: Shift, day: datetime) -> tuple[datetime, datetime]:
    # Compared in UTC: two local times of one zone are compared by the clock on the wall alone.
    begin, end = (_at(day, time) for time in (shift.begin, shift.end))
    if end <= begin:
        end = _at(day + timedelta(days=1), shift.end)
    return begin, end


def _at(day: datetime, time: str) -> datetime:
    hours, minutes = time.split(":")
    return day.replace(hour=int(hours), minute=int(minutes), second=0, microsecond=0).astimezone(UTC)


def _minutes(shift: Shift) -> int:
    begin, end = (int(time[:2]) * 60 + int(time[3:]) for time in (shift.begin, shift.end))
    return end - begin if end > begin else end - begin + 24 * 60
