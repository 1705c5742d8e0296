"""What went wrong on the line, and who has seen it."""

from typing import Annotated

from fastapi import APIRouter, Query

from andon.contracts import alerting
from andon.gateway.context import Here
from andon.gateway.errors import parsed
from andon.gateway.principal import MayInspect, MayView
from andon.gateway.visual_inspection.views import AlertsView, AlertView, alert_view

routes = APIRouter(prefix="/alerts", tags=["alerts"])


@routes.get("")
async def alerts(
    _who: MayView,
    here: Here,
    severity: alerting.Severity | None = None,
    acknowledged: bool | None = None,
    station_id: str | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
) -> AlertsView:
    """Alerts, newest first."""
    question = parsed(
        alerting.ListAlerts, severity=severity, acknowledged=acknowledged, station_id=station_id, limit=limit
    )
    found = await here.bus.ask(alerting.LIST, question)
    return AlertsView(alerts=[alert_view(alert) for alert in found.alerts])


@routes.post("/{id}/acknowledge")
async def acknowledge(id: str, who: MayInspect, here: Here) -> AlertView:  # noqa: A002 - its name in the API
    """Mark an alert as seen."""
    question = alerting.AcknowledgeAlert(id=id, by=who.username)
    return alert_view(await here.bus.ask(alerting.ACKNOWLEDGE, question))
