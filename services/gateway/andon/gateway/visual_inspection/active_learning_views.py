"""How review items look to clients, and how what they mark is read."""

from datetime import datetime
from math import ceil, floor
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from andon.contracts import review
from andon.contracts.annotation import Annotation, Point, Shape, Verdict
from andon.contracts.inspection import Decision
from andon.contracts.review import Reason, ReviewItem, ReviewState
from andon.gateway.domain import Picture
from andon.gateway.errors import parsed
from andon.gateway.images import Images
from andon.gateway.visual_inspection.views import DetectionView

_PIXELS = Field(ge=-1_000_000, le=1_000_000, allow_inf_nan=False)
Corner = tuple[Annotated[float, _PIXELS], Annotated[float, _PIXELS]]


class Marked(BaseModel):
    """A defect: a box, an outline, or both."""

    class_name: Annotated[str, Field(min_length=1, max_length=64)]
    bbox: Annotated[list[Annotated[float, _PIXELS]], Field(min_length=4, max_length=4)] | None = None
    """x1, y1, x2, y2 in pixels of the original image; by default what the outline covers."""
    polygon: Annotated[list[Corner], Field(max_length=2000)] = []
    """The outline as x, y pairs: 3 or more."""

    @model_validator(mode="after")
    def _somewhere(self) -> "Marked":
        if self.bbox is None and not self.polygon:
            raise ValueError("a bbox or a polygon is needed")
        return self

    def shape(self) -> dict[str, Any]:
        x1, y1, x2, y2 = self.bbox or self._covered()
        polygon: tuple[Point, ...] = tuple(self.polygon)
        box = (floor(x1), floor(y1), ceil(x2), ceil(y2))
        return {"class_name": self.class_name, "bbox": box, "polygon": polygon}

    def _covered(self) -> list[float]:
        wide, tall = [x for x, _ in self.polygon], [y for _, y in self.polygon]
        return [min(wide), min(tall), max(wide), max(tall)]


class AnnotateBody(BaseModel):
    """What a part is."""

    model_config = ConfigDict(extra="forbid")

    annotations: Annotated[list[Marked], Field(max_length=500)] = []
    verdict: Verdict | None = None
    """good, defect or unsure; by default a defect where something is marked. Without either it is refused:
    that nothing is wrong has to be said."""
    reviewed_by: Annotated[str, Field(max_length=128)] = ""
    """Kept as it is; what counts is who is signed in."""
    note: Annotated[str, Field(max_length=2000)] = ""
    final: bool = False
    """An engineer's last word where two people disagree."""


class ItemView(BaseModel):
    """A part that people are asked about."""

    id: str
    inspection_id: str
    station_id: str
    part_id: str | None
    decision: Decision
    confidence: float
    anomaly_score: float
    detections: list[DetectionView]
    """What the model found: a beginning for whoever marks."""
    model_version: str
    width: int
    height: int
    image_url: str | None
    annotated_url: str | None
    thumbnail: str | None
    captured_at: datetime
    timestamp: datetime
    """When it was judged."""
    reasons: list[Reason]
    similar: int
    """Parts like this one that were left out."""
    status: ReviewState
    reviewers: int
    reviewed_by: list[str]
    disputed: bool
    verdict: Verdict | None
    created_at: datetime
    labeled_at: datetime | None


class QueueView(BaseModel):
    """Lowest confidence first."""

    total: int
    limit: int
    offset: int
    items: list[ItemView]


class AnnotationView(BaseModel):
    """What one person said."""

    id: str
    verdict: Verdict
    annotations: list[Shape]
    by: str
    reviewed_by: str
    note: str
    final: bool
    at: datetime
    counts: bool
    """Whether this is what the part is taken for."""


class ItemDetailView(ItemView):
    annotations: list[AnnotationView]


def item_view(item: ReviewItem, images: Images) -> ItemView:
    return ItemView(**_item(item, images))


def detail_view(found: review.AnnotatedItem, images: Images) -> ItemDetailView:
    said = [_said(each, found.item.annotation_id) for each in found.annotations]
    return ItemDetailView(**_item(found.item, images), annotations=said)


def _said(annotation: Annotation, counts: str | None) -> AnnotationView:
    fields = {"id", "verdict", "by", "reviewed_by", "note", "final", "at"}
    return AnnotationView(
        **annotation.model_dump(include=fields),
        annotations=list(annotation.shapes),
        counts=annotation.id == counts,
    )


def _item(item: ReviewItem, images: Images) -> dict[str, Any]:
    same = set(ItemView.model_fields) & set(ReviewItem.model_fields) - {"detections"}
    original = images.address(item.id, Picture.ORIGINAL, item.image)
    shown = [each.model_dump(include=set(DetectionView.model_fields)) for each in item.detections]
    return {
        **item.model_dump(include=same),
        "inspection_id": item.id,
        "detections": [DetectionView(**each) for each in shown],
        "image_url": original,
        "annotated_url": images.address(item.id, Picture.ANNOTATED, item.annotated) or original,
        "thumbnail": images.address(item.id, Picture.THUMBNAIL, item.image),
        "timestamp": item.judged_at,
        "status": item.state,
        "reviewed_by": list(item.seen_by),
    }


def said(item_id: str, body: AnnotateBody, by: str) -> review.Annotate:
    """The contract's message. Raises BadRequest naming the field."""
    verdict = body.verdict or (Verdict.DEFECT if body.annotations else None)
    return parsed(
        review.Annotate,
        id=item_id,
        verdict=verdict,
        shapes=tuple(each.shape() for each in body.annotations),
        by=by,
        reviewed_by=body.reviewed_by,
        note=body.note,
        final=body.final,
    )
