"""How contract messages look to clients of the inspection API."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from andon.contracts import alerting, auth, inspection, station, training
from andon.contracts.inspection import Box, DecidedBy, Decision, Times
from andon.gateway.domain import Picture
from andon.gateway.images import Images

_NO_CALIBRATION: dict[str, Any] = {"model": {"detector": {"calibration"}}}
"""Of a model that is shown."""


class DetectionView(BaseModel):
    class_name: str
    confidence: float
    bbox: Box
    """x1, y1, x2, y2 in pixels of the original image."""
    area_mm2: float | None
    """null until the station's mm per pixel are known."""
    area_px: int
    area_method: str
    """mask, ring-otsu, heatmap or box: how its area was measured."""
    outline: list[list[tuple[int, int]]]
    """Polygons around it, x and y in pixels of the original image; empty where only the box is known."""


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
    thumbnail: str | None
    """The original as a JPEG of at most 256 pixels a side."""
    station_id: str
    part_id: str | None
    frame_id: str
    timestamp: datetime
    """When it was judged."""
    captured_at: datetime
    anomaly_score: float
    uncertain_above: float
    fail_above: float
    decided_by: DecidedBy
    """`detector` where a defect failed the part that its score alone would not have failed."""
    defect_fail_above: float | None
    """The detector's limit, where it looks at every part; null where it decides nothing."""
    model_version: str
    recipe_revision: int
    times: Times
    source: str
    width: int
    height: int
    brightness: float | None
    """Mean grey of what was looked at, 0 to 255."""
    trial: inspection.Trialled | None
    """While a second version is tried at the station."""
    holds: list[inspection.Hold]
    """While there is one, neither a cleanup nor a deletion touches the part."""


class InspectionsView(BaseModel):
    total: int
    limit: int
    offset: int
    items: list[InspectionView]


class FoundView(BaseModel):
    """Newest first; may hold fewer than asked for while there is more."""

    items: list[InspectionView]
    next: str | None
    """`after` of the next page; null at the end."""


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
    subject: str
    """What it is about: a station, line, model, device, queue or channel; empty is all stations."""
    escalated: int
    """Steps of its rule's escalation that were taken."""
    comments: int
    silenced_until: datetime | None
    """Nobody is notified of it before then."""


class AlertsView(BaseModel):
    alerts: list[AlertView]


class ThresholdsView(BaseModel):
    uncertain_above: float
    fail_above: float


class RecipeView(station.Recipe):
    thresholds: ThresholdsView | None = None  # type: ignore[assignment] - without its calibration


class TrialView(station.Trial):
    thresholds: ThresholdsView  # type: ignore[assignment] - as above


class StationView(station.Station):
    recipe: RecipeView | None = None  # type: ignore[assignment] - as above
    trial: TrialView | None = None  # type: ignore[assignment] - as above


class StationsView(BaseModel):
    stations: list[StationView]


class ModelView(BaseModel):
    """A model version."""

    id: str
    name: str
    station_id: str
    created_at: datetime
    head: training.Head
    model: station.ModelRef
    thresholds: ThresholdsView
    metrics: dict[str, float]
    """Such as synthetic_auroc, images, fit_seconds."""
    deployed_to: list[str]
    description: str
    base_model: str
    parent: str | None
    dataset_version: str | None
    job_id: str | None
    code_manifest: str | None
    held_out: str
    """Digest of the held-out parts that the metrics were measured on."""
    path: str
    """Object key of its FP32 file."""
    map_score: float | None
    """Mean average precision at an overlap of one half, where it finds defects by class."""
    val_loss: float | None
    training_job_id: str | None
    is_active: bool
    """Whether any station judges by it."""


class ModelsView(BaseModel):
    models: list[ModelView]


class DeployedView(BaseModel):
    """From now on these stations judge by this version."""

    version_id: str
    station_ids: list[str]
    model: station.ModelRef
    thresholds: ThresholdsView
    by: str
    at: datetime


def inspection_view(record: inspection.Inspection, images: Images) -> InspectionView:
    original = images.address(record.id, Picture.ORIGINAL, record.image)
    values = record.model_dump(include=set(InspectionView.model_fields) - {"detections", "times", "holds"})
    return InspectionView(
        **values,
        detections=[DetectionView(**_detection(each)) for each in record.detections],
        times=record.times,
        total_time_ms=record.times.total_ms,
        timestamp=record.judged_at,
        image_url=original,
        annotated_url=images.address(record.id, Picture.ANNOTATED, record.annotated) or original,
        thumbnail=images.address(record.id, Picture.THUMBNAIL, record.image),
        holds=list(record.holds),
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
    hidden: Any = {"thresholds": {"calibration"}, **_NO_CALIBRATION}
    return found.model_dump(mode="json", exclude={"recipe": hidden, "trial": hidden})


def model_view(version: training.ModelVersion) -> dict[str, Any]:
    left_out: Any = {
        "thresholds": {"calibration"}, **_NO_CALIBRATION, "source_sha256": True, "deleted_at": True
    }  # fmt: skip
    return version.model_dump(mode="json", exclude=left_out) | {
        "path": version.model.fp32.key,
        "map_score": version.metrics.get("map50"),
        "val_loss": version.metrics.get("val_loss"),
        "training_job_id": version.job_id,
        "is_active": bool(version.deployed_to),
    }


def deployed_view(deployed: training.ModelDeployed) -> dict[str, Any]:
    return deployed.model_dump(mode="json", exclude={"thresholds": {"calibration"}, **_NO_CALIBRATION})
