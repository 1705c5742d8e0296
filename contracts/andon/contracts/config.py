"""The configuration document: what people may change while everything runs, and who changed it when."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool

from andon.contracts._message import Message, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query

# Strict, so that "5" and true are refused where a number is wanted.
Days = Annotated[int, Field(strict=True, ge=1, le=36500)]
Gigabytes = Annotated[float, Field(strict=True, gt=0, le=1_000_000, allow_inf_nan=False)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Target = Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)]
WindowMinutes = Annotated[int, Field(strict=True, ge=1, le=1440)]
MinimumParts = Annotated[int, Field(strict=True, ge=1, le=1_000_000)]
Concurrent = Annotated[int, Field(strict=True, ge=1, le=64)]
PerMinute = Annotated[int, Field(strict=True, ge=1, le=10_000_000)]
Seconds = Annotated[float, Field(strict=True, ge=1, le=60, allow_inf_nan=False)]
ModelName = Annotated[str, Field(strict=True, max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
BaseUrl = Annotated[str, Field(strict=True, max_length=300, pattern=r"^(https?://[^\s/@?#]+(/[^\s?#]*)?)?$")]
Secret = Annotated[str, Field(strict=True, max_length=500, pattern=r"^[\x21-\x7e]*$")]
Zone = Annotated[str, Field(strict=True, max_length=64, pattern=r"^([A-Za-z][A-Za-z0-9_+/-]*)?$")]
Value = bool | int | float | str | None
"""A list is its items with blanks between."""

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_FEWEST, _MOST = 2, 12


def _apart(value: object) -> object:
    return tuple(value.split()) if isinstance(value, str) else value


def _through_the_day(times: tuple[str, ...]) -> tuple[str, ...]:
    for time in times:
        if not _TIME.fullmatch(time):
            raise ValueError(f"{time[:20]!r} is no time of day such as 06:00")
    if len(set(times)) < len(times):
        twice = next(time for time in times if times.count(time) > 1)
        raise ValueError(f"two shifts begin at {twice}")
    if not _FEWEST <= len(times) <= _MOST:
        raise ValueError(f"a day has {_FEWEST} to {_MOST} shifts")
    return tuple(sorted(times))


ShiftStarts = Annotated[tuple[str, ...], BeforeValidator(_apart), AfterValidator(_through_the_day)]
"""Times of day, such as 06:00; each shift ends when the next begins. Also as one text with blanks between."""


class Backend(StrEnum):
    """Who words an answer; the figures always come from the counts."""

    LOCAL = "local"
    """A sentence made here: no network, no model."""
    OPENAI = "openai"
    """Any server that speaks OpenAI's chat completions."""
    ANTHROPIC = "anthropic"
    """Any server that speaks Anthropic's messages."""


class InspectionSection(Message):
    """What is kept of judged parts, and for how long."""

    keep_passed: Share = 1.0
    """Share of passed parts whose images a new station keeps; a station's recipe may say otherwise."""
    image_retention_days: Days = 90
    record_retention_days: Days = 365
    max_gb: Gigabytes = 100.0
    """Above it the oldest evidence goes early; 1 GB is 2^30 bytes."""
    hold_failed: StrictBool = True
    """Failed parts stay whatever their age."""


class AlertingSection(Message):
    """When a line is bad."""

    pass_rate_target: Target = 0.90
    """Share of parts that should pass."""
    window_minutes: WindowMinutes = 15
    minimum_parts: MinimumParts = 20
    """Fewer parts in the window open and resolve nothing."""


class BatchSection(Message):
    max_concurrent: Concurrent = 4
    """Batch jobs that run at the same time."""


class QuerySection(Message):
    """Questions in words. The API key is not part of it: it can be set, and never read."""

    enabled: StrictBool = True
    backend: Backend = Backend.LOCAL
    model: ModelName = ""
    """Needed by every backend but local."""
    base_url: BaseUrl = ""
    """Empty means the backend's own public address."""
    timeout_seconds: Seconds = 10.0
    """After that the local sentence is the answer."""
    api_key_set: StrictBool = False


class LimitsSection(Message):
    """Requests per client and minute."""

    login_per_minute: PerMinute = 10
    others_per_minute: PerMinute = 200


class SiteSection(Message):
    """When people work here: what is shown by shift goes by it."""

    shift_starts: ShiftStarts = ("06:00", "14:00", "22:00")
    zone: Zone = ""
    """Whose clock that is, such as Europe/Berlin; empty is the clock of whoever looks."""


class Values(Message):
    """Every value, by section."""

    inspection: InspectionSection = InspectionSection()
    alerting: AlertingSection = AlertingSection()
    batch: BatchSection = BatchSection()
    query: QuerySection = QuerySection()
    limits: LimitsSection = LimitsSection()
    site: SiteSection = SiteSection()


class Document(Values):
    """The configuration as it is."""

    revision: int = 0
    """Goes up with every change; 0 is what the services were started with."""
    changed_at: Time | None = None
    changed_by: str | None = None
    chosen: tuple[str, ...] = ()
    """What people set, such as `alerting.pass_rate_target`; the rest follows each service's own settings."""

    @property
    def order(self) -> float:
        """Seconds since 1970 of the last change: of two documents the one with more is the newer."""
        return self.changed_at.timestamp() if self.changed_at else 0.0

    def chosen_in(self, section: str) -> dict[str, Any]:
        """The values that people set in a section, by name."""
        names = [name.partition(".")[2] for name in self.chosen if name.startswith(f"{section}.")]
        return {name: getattr(getattr(self, section), name) for name in names}


class GetDocument(Message):
    pass


class ChangeDocument(Message):
    """Set what is named; null puts a value back to what the services were started with."""

    changes: dict[str, dict[str, Value]]
    """By section and name. `query.api_key` can be set here, and is in no answer."""
    revision: Annotated[int, Field(ge=0)] | None = None
    """Refused with a conflict unless the document is at this revision."""
    by: str


class Change(Message):
    """One value, before and after. Of a secret, only whether there is one."""

    field: str
    before: Value
    after: Value


class Revision(Message):
    revision: int
    changed_at: Time
    changed_by: str
    changes: tuple[Change, ...]


class ListRevisions(Message):
    limit: Annotated[int, Field(ge=1, le=500)] = 50
    before: Annotated[int, Field(ge=1)] | None = None
    """Only revisions below this one: the way to the next page."""


class Revisions(Message):
    """Newest first."""

    revisions: tuple[Revision, ...]


GET = Query(
    "config.document.get.v1",
    GetDocument,
    "Read the configuration.",
    said_by=("gateway", "alerting", INTEGRATIONS),
    heard_by=("inspection",),
    reply=Document,
)
CHANGE = Query(
    "config.document.change.v1",
    ChangeDocument,
    "Change some values of the configuration, all or none.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Document,
)
HISTORY = Query(
    "config.revision.list.v1",
    ListRevisions,
    "Read who changed what.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Revisions,
)
CHANGED = Event(
    "config.document.changed.v1",
    Document,
    "Values changed; who uses one takes it from here.",
    said_by=("inspection",),
    heard_by=("gateway", "alerting"),
)
