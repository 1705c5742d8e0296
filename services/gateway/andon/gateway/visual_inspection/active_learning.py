"""What people are asked about, and what they say: the review queue."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import BadRequest, Forbidden, Name, review
from andon.contracts.auth import Permission
from andon.contracts.review import Reason, ReviewState
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayInspect, MayView
from andon.gateway.visual_inspection.active_learning_views import (
    AnnotateBody,
    ItemDetailView,
    ItemView,
    QueueView,
    detail_view,
    item_view,
    said,
)

routes = APIRouter(prefix="/active-learning", tags=["active learning"])


class PolicyBody(BaseModel):
    """Absent fields stay as they are."""

    model_config = ConfigDict(extra="forbid")

    reviewers: Annotated[int, Field(ge=1, le=2)] | None = None
    """Of two, both have to say the same before a part counts as labeled."""
    classes: Annotated[list[Name], Field(max_length=100)] | None = None
    """The classes that may be named; empty means any."""
    audit_share: Annotated[float, Field(ge=0, le=1)] | None = None
    audits_per_hour: Annotated[int, Field(ge=0, le=1000)] | None = None
    per_hour: Annotated[int, Field(ge=0, le=10_000)] | None = None
    most_pending: Annotated[int, Field(ge=0, le=10_000)] | None = None
    copies: Annotated[int, Field(ge=1, le=100)] | None = None
    borderline: Annotated[float, Field(ge=0, le=5)] | None = None


class SuggestBody(BaseModel):
    reason: Reason = Reason.MANUAL


@routes.get("/stats")
async def stats(_who: MayView, here: Here, station_id: str | None = None) -> review.ReviewStatistics:
    """How many parts wait, are labeled, and were learned from."""
    question = parsed(review.GetReviewStatistics, station_id=station_id)
    return await here.bus.ask(review.STATISTICS, question)


@routes.get("/queue")
async def queue(  # noqa: PLR0913, PLR0917 - its filters
    who: MayView,
    here: Here,
    status: ReviewState = ReviewState.PENDING,
    station_id: str | None = None,
    reason: Reason | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> QueueView:
    """The next parts to look at, lowest confidence first. What you have annotated is not asked again."""
    mine = who.username if status is ReviewState.PENDING else None
    question = parsed(
        review.ListItems,
        state=status,
        station_id=station_id,
        reason=reason,
        not_by=mine,
        limit=limit,
        offset=offset,
    )
    found = await here.bus.ask(review.LIST, question)
    items = [item_view(each, here.images) for each in found.items]
    return QueueView(total=found.total, limit=limit, offset=offset, items=items)


@routes.post("/annotate/{id}", responses=may(409))
async def annotate(id: str, body: AnnotateBody, who: MayInspect, here: Here) -> ItemView:  # noqa: A002 - its name in the API
    """Say what a part is: `id` is a queued item's, or any inspection's whose image is kept.

    A later word of the same person replaces the earlier one. Its images are kept from then on.
    """
    if body.verdict is None and not body.annotations:
        raise BadRequest(
            "verdict: where nothing is marked, say whether the part is good or you are unsure",
            {"verdict": "missing"},
        )
    if body.final and Permission.CONFIGURE not in who.permissions:
        raise Forbidden("final: the last word is an engineer's (permission 'configure').")
    question = said(id, body, who.username)
    return item_view(await here.bus.ask(review.ANNOTATE, question, timeout=10), here.images)


@routes.get("/items/{id}")
async def one(id: str, _who: MayView, here: Here) -> ItemDetailView:  # noqa: A002 - its name in the API
    """An item with what everybody said of it."""
    return detail_view(await here.bus.ask(review.GET, parsed(review.GetItem, id=id)), here.images)


@routes.post("/items/{id}", responses=may(409))
async def suggest(
    id: str,  # noqa: A002 - its name in the API
    who: MayInspect,
    here: Here,
    body: SuggestBody | None = None,
) -> ItemView:
    """Ask people about a judged part whose image is kept."""
    reason = (body or SuggestBody()).reason
    question = parsed(review.Suggest, id=id, reason=reason, by=who.username)
    return item_view(await here.bus.ask(review.SUGGEST, question), here.images)


@routes.get("/check-retrain")
async def check_retrain(_who: MayView, here: Here, station_id: str | None = None) -> review.Advice:
    """Whether there is enough for a dataset, and whether a retraining is worth it."""
    return await here.bus.ask(review.ADVICE, parsed(review.GetAdvice, station_id=station_id))


@routes.get("/policies/{station_id}")
async def policy(station_id: str, _who: MayView, here: Here) -> review.Policy:
    """How a station chooses what to ask."""
    return await here.bus.ask(review.POLICY, parsed(review.GetPolicy, station_id=station_id))


@routes.put("/policies/{station_id}")
async def put_policy(station_id: str, body: PolicyBody, who: MayConfigure, here: Here) -> review.Policy:
    """Change how a station chooses what to ask. Admins and engineers only."""
    values = body.model_dump(exclude_none=True)
    question = parsed(review.PutPolicy, station_id=station_id, **values, by=who.username)
    return await here.bus.ask(review.PUT_POLICY, question)
