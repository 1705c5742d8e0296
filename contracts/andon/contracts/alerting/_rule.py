"""A rule as data: what is bad, where, when, how bad, and who is told."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.alerting._alert import Severity
from andon.contracts.alerting._conditions import Condition, Minutes


class Per(StrEnum):
    """What one alert is about."""

    STATION = "station"
    LINE = "line"
    """The stations of a line together."""
    MODEL = "model"
    """Everything that one model version judged."""
    ALL = "all"
    """All stations together."""


class Scope(Message):
    """Which parts count, and how they are put together. Empty filters take all."""

    per: Per = Per.STATION
    stations: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    lines: Annotated[tuple[Label, ...], Field(max_length=100)] = ()
    models: Annotated[tuple[Label, ...], Field(max_length=100)] = ()
    """Model versions."""


class Day(StrEnum):
    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class Shift(Message):
    """From one time of day to another; to the next day's where the end is not later."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)]
    """On which it begins."""
    begin: TimeOfDay
    end: TimeOfDay


class Schedule(Message):
    """Outside of its shifts a rule opens and resolves nothing."""

    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)] = "UTC"
    """Such as Europe/Berlin."""
    shifts: Annotated[tuple[Shift, ...], Field(min_length=1, max_length=50)]


class Step(Message):
    """What happens to an alert that nobody has acknowledged."""

    after_minutes: Annotated[int, Field(ge=1, le=10080)]
    """Since it was opened."""
    severity: Severity | None = None
    """To which it is raised; never lowered."""
    channels: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    """Who is told; none named is the rule's own."""


class RuleBody(Message):
    """What people say of a rule."""

    title: Label
    """Its alerts' title."""
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    enabled: bool = True
    severity: Severity = Severity.WARNING
    condition: Condition
    scope: Scope = Scope()
    """Of conditions over parts; others have a filter of their own."""
    schedule: Schedule | None = None
    """None is always."""
    unless: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    """Nothing is opened while one of these rules has an alert open about the same station."""
    channels: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    """Who is told; none named is every channel that takes its severity."""
    escalation: Annotated[tuple[Step, ...], Field(max_length=5)] = ()


class AlertRule(RuleBody):
    """A rule as it stands."""

    id: Name
    revision: int = 0
    """Goes up with every change; 0 is as Andon came."""
    changed_at: Time | None = None
    changed_by: str = "andon"
    builtin: bool = False
    """Came with Andon: deleting it puts it back to what it was."""


class PutRule(Message):
    """Make a rule, or write it anew. Refused when it could never fire, or always would."""

    id: Name
    rule: RuleBody
    by: str
    revision: Annotated[int, Field(ge=0)] | None = None
    """Refused with a conflict unless the rule is at this revision."""


class SavedRule(Message):
    rule: AlertRule
    remarks: tuple[str, ...] = ()
    """What a person should know of it, such as that it would have been open all of the last day."""


class DeleteRule(Message):
    id: Name
    by: str


class RuleDeleted(Message):
    id: str
    rule: AlertRule | None = None
    """A rule that came with Andon, as it came."""


class ListRules(Message):
    pass


class Rules(Message):
    """By id."""

    rules: tuple[AlertRule, ...]


class ReadRule(Message):
    id: Name


class PreviewRule(Message):
    """What a rule would have done, over what was counted in the past."""

    rule: RuleBody
    hours: Annotated[int, Field(ge=1, le=168)] = 24


class Firing(Message):
    """An alert that there would have been."""

    subject: str
    began_at: Time
    ended_at: Time | None = None
    """None: open until the end of what was looked at."""
    message: str


class Preview(Message):
    since: Time
    until: Time
    """The period that there is data of; it may be shorter than asked for."""
    parts: int
    """Parts that were looked at."""
    firings: tuple[Firing, ...]
    """The first hundred."""
    total: int
    remarks: tuple[str, ...] = ()


class RuleHistory(Message):
    """Newest first; only what was changed by people."""

    revisions: tuple[AlertRule, ...]


class GetRule(Message):
    pass


class Rule(Message):
    """When the pass rate is bad: what the rule `pass-rate-low` goes by at this moment."""

    pass_rate_target: float
    """Share of parts that should pass."""
    window_minutes: Minutes
    minimum_parts: int
    """Fewer parts in the window open and resolve nothing."""
    clear_margin: float
    """How far above the target the rate must be for an alert to be over."""
