"""How contract messages look to clients of the inspection API."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.contracts import alerting, auth, inspection, station, training
from andon.contracts.inspection import Box, Decision, Times
from andon.gateway.domain import Picture
from andon.gateway.images import Images


class DetectionView(BaseModel):
    class_name: str
    confidence: float
    bbox: Box
    """x1, y1, x2, y2 in pixels of the original image."""
    area_mm2: float | None
    """null until the station's mm per pixel are known."""
    area_px: int


class InspectionView(BaseModel):
    """A judged part."""

    id: str
    decision: Decision
    confidence: float
    objects_found: int
    total_time_ms: float
    detections: list[DetectionView]
    image_url: str | None
    """Good for one to two hours; null where the station keeps no image of such parts."""
    annotated_url: str | None
    """The same with heatmap and boxes; the original itself where there was nothing to draw."""
    station_id: str
    part_id: str | None
    frame_id: str
    timestamp: datetime
    """When it was judged."""
    captured_at: datetime
    anomaly_score: float
    uncertain_above: float
    fail_above: float
    model_version: str
    recipe_revision: int
    times: Times
    source: str
    width: int
    height: int


class InspectionsView(BaseModel):
    total: int
    limit: int
    offset: int
    items: list[InspectionView]


class UserView(BaseModel):
    id: str
    username: str
    email: str | None
    roles: list[auth.Role]


class TokensView(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str = "bearer"  # noqa: S105 - what kind it is
    expires_in: int
    """Seconds the access token is good for."""
    user: UserView


class AlertView(BaseModel):
    id: str
    severity: alerting.Severity
    title: str
    message: str
    timestamp: datetime
    acknowledged: bool
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    state: alerting.AlertState
    rule: str
    station_id: str | None


class AlertsView(BaseModel):
    alerts: list[AlertView]


def inspection_view(record: inspection.Inspection, images: Images) -> InspectionView:
    original = images.address(record.id, Picture.ORIGINAL, record.image)
    values = record.model_dump(include=set(InspectionView.model_fields) - {"detections", "times"})
    return InspectionView(
        **values,
        detections=[DetectionView(**_detection(each)) for each in record.detections],
        times=record.times,
        total_time_ms=record.times.total_ms,
        timestamp=record.judged_at,
        image_url=original,
        annotated_url=images.address(record.id, Picture.ANNOTATED, record.annotated) or original,
    )


def _detection(found: inspection.Detection) -> dict[str, Any]:
    return found.model_dump(include=set(DetectionView.model_fields))


def user_view(user: auth.User) -> UserView:
    return UserView(id=user.id, username=user.username, email=user.email, roles=list(user.roles))


def tokens_view(tokens: auth.Tokens) -> TokensView:
    return TokensView(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_in=tokens.expires_in,
        user=user_view(tokens.user),
    )


def alert_view(alert: alerting.Alert) -> AlertView:
    return AlertView(**alert.model_dump(), acknowledged=alert.acknowledged_at is not None)


def station_view(found: station.Station) -> dict[str, Any]:
    """The station without its calibration scores: hundreds of numbers that no screen shows."""
    return found.model_dump(mode="json", exclude={"recipe": {"thresholds": {"calibration"}}})


def model_view(version: training.ModelVersion) -> dict[str, Any]:
    return version.model_dump(mode="json", exclude={"thresholds": {"calibration"}, "source_sha256": True})


def deployed_view(deployed: training.ModelDeployed) -> dict[str, Any]:
    return deployed.model_dump(mode="json", exclude={"thresholds": {"calibration"}})
