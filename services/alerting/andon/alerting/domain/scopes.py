"""Which parts a rule is about, and what one alert of it is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from andon.alerting.domain.counting import Series
from andon.contracts.alerting import Per, Scope


@dataclass(frozen=True)
class Subject:
    """What one alert is about."""

    name: str
    """Empty: all stations."""
    station_id: str | None = None

    @property
    def words(self) -> str:
        return self.name or "all stations"


def subject_of(scope: Scope, series: Series, line: str) -> Subject | None:
    """What an alert about this series would be about; None where the rule does not look."""
    filters = ((scope.stations, series.station_id), (scope.lines, line), (scope.models, series.model))
    if any(taken and value not in taken for taken, value in filters):
        return None
    match scope.per:
        case Per.STATION:
            return Subject(series.station_id, series.station_id)
        case Per.LINE:
            return Subject(line) if line else None
        case Per.MODEL:
            return Subject(series.model) if series.model else None
        case Per.ALL:
            return Subject("")


def subjects(scope: Scope, series: Iterable[Series], lines: Mapping[str, str]) -> dict[Subject, list[Series]]:
    """Everything a rule looks at, by what its alerts are about. `lines` has each station's line."""
    found: dict[Subject, list[Series]] = {}
    for each in series:
        subject = subject_of(scope, each, lines.get(each.station_id, ""))
        if subject is not None:
            found.setdefault(subject, []).append(each)
    return found


def overlaps(one: Subject, station_id: str | None, name: str) -> bool:
    """Whether an alert about something may be about the same parts."""
    if one.station_id is not None and station_id is not None:
        return one.station_id == station_id
    return one.station_id is not None or station_id is not None or one.name == name or not (one.name and name)
