"""What went wrong on the line, who has seen it, and what was said about it."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from andon.contracts import Label, alerting
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayInspect, MayView
from andon.gateway.visual_inspection.views import AlertsView, AlertView, alert_view

routes = APIRouter(prefix="/alerts", tags=["alerts"])
groups = APIRouter(prefix="/alert-groups", tags=["alerts"])
silences = APIRouter(prefix="/alert-silences", tags=["alerts"])


class ChangeView(BaseModel):
    at: datetime
    by: str
    what: str
    """opened, acknowledged, escalated, commented or resolved."""
    text: str


class AlertDetailsView(AlertView):
    history: list[ChangeView]
    """Oldest first; comments are among it."""


class CommentBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: alerting.Words


class ResolveBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(max_length=2000)] = ""


class SilenceBody(BaseModel):
    """Filters that are empty match everything."""

    model_config = ConfigDict(extra="forbid")

    reason: alerting.Words
    ends_at: AwareDatetime
    begins_at: AwareDatetime | None = None
    """null is now."""
    rules: Annotated[list[Label], Field(max_length=100)] = Field(default_factory=list[Label])
    stations: Annotated[list[Label], Field(max_length=1000)] = Field(default_factory=list[Label])
    subjects: Annotated[list[Label], Field(max_length=1000)] = Field(default_factory=list[Label])


class SilencesView(BaseModel):
    silences: list[alerting.Silence]


class GroupsView(BaseModel):
    groups: list[alerting.AlertGroup]


class SeenBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    until: AwareDatetime | None = None
    """When you looked: what was opened later stays open. null is now."""


@routes.get("")
async def alerts(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayView,
    here: Here,
    severity: alerting.Severity | None = None,
    acknowledged: bool | None = None,
    station_id: str | None = None,
    rule: Annotated[str | None, Query(max_length=128)] = None,
    state: alerting.AlertState | None = None,
    before: AwareDatetime | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> AlertsView:
    """Alerts, newest first. The next page are those `before` the last one's timestamp."""
    question = parsed(
        alerting.ListAlerts,
        severity=severity,
        acknowledged=acknowledged,
        station_id=station_id,
        rule=rule,
        state=state,
        before=before,
        limit=limit,
    )
    found = await here.bus.ask(alerting.LIST, question)
    return AlertsView(alerts=[alert_view(alert) for alert in found.alerts])


@routes.get("/{id}")
async def alert(id: str, _who: MayView, here: Here) -> AlertDetailsView:  # noqa: A002 - its name in the API
    """An alert with everything that became of it."""
    return _details(await here.bus.ask(alerting.GET, alerting.GetAlert(id=id)))


@routes.post("/{id}/acknowledge")
async def acknowledge(id: str, who: MayInspect, here: Here) -> AlertView:  # noqa: A002 - its name in the API
    """Mark an alert as seen."""
    question = alerting.AcknowledgeAlert(id=id, by=who.username)
    return alert_view(await here.bus.ask(alerting.ACKNOWLEDGE, question))


@routes.post("/{id}/comments")
async def comment(id: str, body: CommentBody, who: MayInspect, here: Here) -> AlertDetailsView:  # noqa: A002
    """Write something to an alert."""
    question = parsed(alerting.CommentAlert, id=id, by=who.username, text=body.text)
    return _details(await here.bus.ask(alerting.COMMENT, question))


@routes.post("/{id}/resolve")
async def resolve(id: str, body: ResolveBody, who: MayInspect, here: Here) -> AlertView:  # noqa: A002
    """Take an alert as over; it opens again when its rule still finds the same."""
    question = parsed(alerting.ResolveAlert, id=id, by=who.username, reason=body.reason)
    return alert_view(await here.bus.ask(alerting.RESOLVE, question))


@groups.get("")
async def grouped(_who: MayView, here: Here) -> GroupsView:
    """What is not over, a line for each rule, worst first."""
    found = await here.bus.ask(alerting.GROUP_LIST, alerting.ListGroups())
    return GroupsView(groups=list(found.groups))


@groups.post("/{rule}/acknowledge")
async def acknowledge_group(
    rule: str, body: SeenBody, who: MayInspect, here: Here
) -> alerting.GroupAcknowledged:
    """Mark a rule's alerts as seen, five hundred at a time: `left` says how many are still open."""
    until = body.until or datetime.now(UTC)
    question = parsed(alerting.AcknowledgeGroup, rule=rule, by=who.username, until=until)
    return await here.bus.ask(alerting.GROUP_ACKNOWLEDGE, question, timeout=30)


@silences.get("")
async def silenced(_who: MayView, here: Here, *, ended: bool = False) -> SilencesView:
    """Silences that run or will; with `ended` also those of the last 30 days."""
    found = await here.bus.ask(alerting.SILENCE_LIST, alerting.ListSilences(ended=ended))
    return SilencesView(silences=list(found.silences))


@silences.post("", responses=may(422))
async def silence(body: SilenceBody, who: MayConfigure, here: Here) -> alerting.Silence:
    """Notify nobody of what matches, such as during maintenance. Alerts are listed all the same."""
    question = parsed(alerting.AddSilence, **body.model_dump(), by=who.username)
    return await here.bus.ask(alerting.SILENCE_ADD, question)


@silences.delete("/{id}")
async def end_silence(id: str, who: MayConfigure, here: Here) -> alerting.Silence:  # noqa: A002
    """End a silence before its time; what is still open is told then."""
    return await here.bus.ask(alerting.SILENCE_END, alerting.EndSilence(id=id, by=who.username))


def _details(found: alerting.AlertDetails) -> AlertDetailsView:
    history = [ChangeView(**each.model_dump()) for each in found.history]
    return AlertDetailsView(**alert_view(found.alert).model_dump(), history=history)
