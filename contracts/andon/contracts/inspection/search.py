"""Looking for judged parts by what was found on them, and where on a part findings lie."""

from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time
from andon.contracts._subject import Query
from andon.contracts.inspection.parts import Decision, Inspection


class SearchInspections(Message):
    """One page of parts, newest first; the next begins where `after` says."""

    station_id: str | None = None
    decision: Decision | None = None
    part_id: str | None = None
    class_name: str | None = None
    """Something of this class was found on it."""
    score_from: float | None = None
    """Anomaly score at least."""
    score_below: float | None = None
    """Anomaly score less than."""
    since: Time | None = None
    """Judged then or later."""
    until: Time | None = None
    """Judged before then."""
    after: Annotated[str | None, Field(pattern=r"^-?[0-9]{1,16}:[A-Za-z0-9-]{1,64}$")] = None
    """`next` of the page before; without it, from the newest."""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class FoundInspections(Message):
    """May hold fewer than asked for while there is more: the search goes so far back at a time."""

    items: tuple[Inspection, ...]
    next: str | None
    """None at the end."""


class GetPlaces(Message):
    """Where on a station's parts findings lie."""

    station_id: str
    class_name: str | None = None
    since: Time | None = None
    until: Time | None = None
    columns: Annotated[int, Field(ge=4, le=64)] = 32
    """Of the grid that a part is divided into; its rows follow from the picture's form."""
    parts: Annotated[int, Field(ge=1, le=5000)] = 2000
    """The newest so many parts with findings are looked at."""


class Places(Message):
    """A grid over the part, row by row from the top left."""

    columns: int
    rows: int
    counts: tuple[int, ...]
    """Parts with a finding whose box touches the cell."""
    parts: int
    """With findings, that were looked at."""
    findings: int
    complete: bool
    """False where there are older parts with findings in the period."""
    oldest: Time | None = None
    newest: Time | None = None


SEARCH = Query(
    "inspection.record.search.v1",
    SearchInspections,
    "Look for records by class and score too, page by page.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=FoundInspections,
)
PLACES = Query(
    "inspection.finding.places.v1",
    GetPlaces,
    "Where on a station's parts findings lie.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Places,
)
