"""What a rule would have done with what was counted before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from andon.alerting.domain.charts import Progress, Sequential, advanced
from andon.alerting.domain.counting import Hour, Series, Tally, minute_of, time_of
from andon.alerting.domain.scopes import Subject, subject_of, subjects
from andon.alerting.domain.shifts import on_shift
from andon.alerting.domain.verdicts import Verdict, figure, found_in
from andon.contracts.alerting import Firing, Per, RuleBody, Threshold
from andon.contracts.inspection import Inspection

MOST = 100


@dataclass(frozen=True)
class Past:
    """What would have been."""

    firings: tuple[Firing, ...]
    parts: int
    remarks: tuple[str, ...] = ()
    since: datetime | None = None
    """Where it is not as far back as was asked for."""

    def of_newest(self, since: datetime) -> "Past":
        """Only the newest parts were looked at."""
        said = f"it was tried on the newest {self.parts} parts only"
        return replace(self, since=since, remarks=(*self.remarks, said))


def over_windows(
    rule: RuleBody, hours: Iterable[Hour], lines: Mapping[str, str], since: datetime, until: datetime
) -> Past:
    """A rule over windows, looked at after each minute."""
    condition = rule.condition
    assert isinstance(condition, Threshold)  # noqa: S101 - asked by who knows
    minutes: dict[Series, dict[int, Tally]] = {}
    for hour in hours:
        minutes.setdefault(hour.series, {}).update(hour.minutes)
    firings: list[Firing] = []
    parts = most = always = 0
    for subject, series in subjects(rule.scope, minutes, lines).items():
        merged = _merged([minutes[each] for each in series])
        slide = _Slide(rule, condition, subject, merged)
        firings += slide.through(minute_of(since), minute_of(until))
        parts += slide.parts
        most = max(most, slide.most)
        always += bool(slide.looks) and slide.bad == slide.looks
    remarks: list[str] = []
    if parts and most < condition.minimum_parts:
        remarks.append(
            f"it could not have fired: no window had {condition.minimum_parts} parts, the fullest had {most}"
        )
    if always:
        remarks.append("it would have been open all the time for some of what it looks at")
    return Past(tuple(sorted(firings, key=lambda each: each.began_at)), parts, tuple(remarks))


def over_parts(
    rule: RuleBody, condition: Sequential, parts: Sequence[tuple[int, Inspection]], lines: Mapping[str, str]
) -> Past:
    """A rule that goes from part to part; each with its place in the stream."""
    progress: dict[Subject, Progress] = {}
    open_since: dict[Subject, tuple[datetime, str]] = {}
    firings: list[Firing] = []
    counted = 0
    for seq, part in parts:
        series = Series(part.station_id, part.model_version)
        subject = subject_of(rule.scope, series, lines.get(part.station_id, ""))
        if subject is None or not on_shift(rule.schedule, part.judged_at):
            continue
        counted += 1
        basis = basis_of(rule, part)
        now = advanced(
            condition, progress.get(subject, Progress()), part, seq, where=subject.words, basis=basis
        )
        if now.untold is not None:
            open_since.setdefault(subject, (part.judged_at, now.untold))
            now = replace(now, untold=None)
        elif subject in open_since and not now.alarm:
            began, message = open_since.pop(subject)
            firings.append(
                Firing(subject=subject.words, began_at=began, ended_at=part.judged_at, message=message)
            )
        progress[subject] = now
    firings += [
        Firing(subject=subject.words, began_at=began, message=message)
        for subject, (began, message) in open_since.items()
    ]
    return Past(tuple(sorted(firings, key=lambda each: each.began_at)), counted)


def basis_of(rule: RuleBody, part: Inspection) -> str:
    """For what a learned centre holds; stations put together are not told apart."""
    return f"{part.recipe_revision}/{part.model_version}" if rule.scope.per is Per.STATION else ""


class _Slide:
    """A window that goes from minute to minute."""

    def __init__(
        self, rule: RuleBody, condition: Threshold, subject: Subject, minutes: Mapping[int, Tally]
    ) -> None:
        self._rule, self._condition, self._subject, self._minutes = rule, condition, subject, minutes
        self.parts = sum(each.judged for each in minutes.values())
        self.most = self.looks = self.bad = 0
        """Most parts in a window; minutes with enough parts; those of them that were bad."""

    def through(self, first: int, last: int) -> list[Firing]:
        window, firings = Tally(), list[Firing]()
        open_since: tuple[int, str] | None = None
        for minute in range(first, last + 1):
            changed = self._move(window, minute)
            if not changed or not on_shift(self._rule.schedule, time_of(minute)):
                continue
            found = found_in(self._condition, window, self._subject.words)
            self._note(window, found.verdict)
            if found.verdict is Verdict.BAD and open_since is None:
                open_since = (minute, found.message)
            elif found.verdict is Verdict.GOOD and open_since is not None:
                firings.append(self._firing(*open_since, minute))
                open_since = None
        if open_since is not None:
            firings.append(self._firing(*open_since, None))
        return firings

    def _move(self, window: Tally, minute: int) -> bool:
        left = self._minutes.get(minute - self._condition.window_minutes)
        entered = self._minutes.get(minute)
        if left:
            window.add(left, -1)
        if entered:
            window.add(entered)
        return bool(left or entered)

    def _note(self, window: Tally, verdict: Verdict) -> None:
        of = figure(self._condition, window)[1]
        self.most = max(self.most, of)
        if of >= self._condition.minimum_parts:
            self.looks += 1
            self.bad += verdict is Verdict.BAD

    def _firing(self, began: int, message: str, ended: int | None) -> Firing:
        end = None if ended is None else time_of(ended)
        return Firing(subject=self._subject.words, began_at=time_of(began), ended_at=end, message=message)


def _merged(series: Sequence[Mapping[int, Tally]]) -> dict[int, Tally]:
    merged: dict[int, Tally] = {}
    for each in series:
        for minute, tally in each.items():
            merged.setdefault(minute, Tally()).add(tally)
    return merged
