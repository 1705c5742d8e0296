"""What people are asked to look at, what they found, and how much of it there is."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.annotation import Annotation, Shape, Verdict
from andon.contracts.inspection import Decision, Detection, StoredImage


class Reason(StrEnum):
    """Why a person is asked."""

    UNCERTAIN = "uncertain"
    """The station could not decide."""
    BORDERLINE = "borderline"
    """It decided, but the score lies close to a limit."""
    DOUBTFUL = "doubtful"
    """What it found it is not sure of: low confidence, or two findings of nearly the same."""
    NOVEL = "novel"
    """Unlike what the station has seen so far."""
    AUDIT = "audit"
    """Drawn by chance from all parts, so that what the model misses is seen as well."""
    DISAGREEMENT = "disagreement"
    """Two models judged it differently."""
    DRIFT = "drift"
    """Taken while the station's parts or scores were drifting."""
    MANUAL = "manual"
    """A person put it here."""


class ReviewState(StrEnum):
    PENDING = "pending"
    """Nobody has looked at it, or not enough people agree."""
    LABELED = "labeled"
    """What it is has been said."""
    TRAINED = "trained"
    """A model has learned from it."""


class ReviewItem(Message):
    """A part that people are asked about. Its id is the inspection's."""

    id: str
    station_id: str
    part_id: str | None = None
    decision: Decision
    confidence: float
    """Of the decision, 0 to 1; the queue begins with the lowest."""
    anomaly_score: float
    detections: tuple[Detection, ...] = ()
    model_version: str = ""
    width: int
    height: int
    """Pixels of the original image."""
    image: StoredImage
    annotated: StoredImage | None = None
    captured_at: Time
    judged_at: Time
    reasons: tuple[Reason, ...]
    distance: float | None = None
    """To the most similar part that was asked about before, in features; None where nobody looked."""
    similar: int = 0
    """Parts like this one that were left out of the queue."""
    reviewers: int = 1
    """People who have to agree."""
    seen_by: tuple[str, ...] = ()
    """Who has annotated it."""
    disputed: bool = False
    """Those who looked do not agree; one more person, or an engineer's last word, settles it."""
    state: ReviewState = ReviewState.PENDING
    verdict: Verdict | None = None
    annotation_id: str | None = None
    """The annotation that counts."""
    created_at: Time
    labeled_at: Time | None = None


class ListItems(Message):
    """Items of one state, lowest confidence first."""

    state: ReviewState = ReviewState.PENDING
    station_id: Name | None = None
    reason: Reason | None = None
    not_by: str | None = None
    """Leave out what this person has annotated already."""
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    offset: Annotated[int, Field(ge=0, le=100_000)] = 0


class Items(Message):
    total: int
    items: tuple[ReviewItem, ...]


class GetItem(Message):
    id: str


class AnnotatedItem(Message):
    item: ReviewItem
    annotations: tuple[Annotation, ...]
    """One of each person, oldest first."""


class Annotate(Message):
    """Say what a part is. Any judged part whose image is kept may be annotated, asked about or not."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    """Of the inspection."""
    verdict: Verdict
    shapes: Annotated[tuple[Shape, ...], Field(max_length=500)] = ()
    by: Label
    reviewed_by: Annotated[str, Field(max_length=128)] = ""
    """Who looked, as the client names them; `by` is who was signed in, and what counts."""
    note: Annotated[str, Field(max_length=2000)] = ""
    final: bool = False
    """An engineer's last word: labels at once, whoever disagrees."""


class Suggest(Message):
    """Put a judged part into the queue, or add a reason to one that waits there."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    reason: Reason = Reason.MANUAL
    by: Label


class GetReviewStatistics(Message):
    station_id: Name | None = None


class ReviewStatistics(Message):
    pending: int
    labeled: int
    trained: int
    total: int
    disputed: int
    """Pending, and those who looked do not agree."""
    unsure: int
    """Labeled or trained, and a person could not tell."""
    reasons: dict[str, int]
    """Pending items by reason; one may have several."""


class GetAdvice(Message):
    station_id: Name | None = None


class Advice(Message):
    """Whether there is enough new knowledge to learn from."""

    labeled: int
    """Labeled and not learned from yet, without the unsure."""
    dataset_ready: bool
    """From 10 labeled on."""
    recent: int
    """Of the last 100 inspections, how many there are."""
    uncertain_share: float
    """Of those, 0 to 1."""
    retrain: bool
    """20 labeled, 50 recent inspections, and a tenth of them uncertain."""
    waiting_for: tuple[str, ...]
    """What is missing until a retraining is advised."""


class Policy(Message):
    """How a station chooses what to ask people for."""

    station_id: Name
    reviewers: Annotated[int, Field(ge=1, le=2)] = 1
    """Of two, both have to say the same before a part counts as labeled."""
    classes: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    """The classes that may be named; empty means any."""
    audit_share: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Of all parts whose image is kept, drawn by chance."""
    audits_per_hour: Annotated[int, Field(ge=0, le=1000)] = 10
    per_hour: Annotated[int, Field(ge=0, le=10_000)] = 60
    """New items beside audits."""
    most_pending: Annotated[int, Field(ge=0, le=10_000)] = 500
    copies: Annotated[int, Field(ge=1, le=100)] = 3
    """Of parts that look alike, at most so many are asked about."""
    borderline: Annotated[float, Field(ge=0, le=5)] = 0.5
    """How far beyond a limit is still close, in widths of the uncertain band."""
    changed_at: Time | None = None
    """None while nobody has changed it."""
    changed_by: str = ""


class GetPolicy(Message):
    station_id: Name


class PutPolicy(Message):
    """Absent fields stay as they are."""

    station_id: Name
    reviewers: Annotated[int, Field(ge=1, le=2)] | None = None
    classes: Annotated[tuple[Name, ...], Field(max_length=100)] | None = None
    audit_share: Annotated[float, Field(ge=0, le=1)] | None = None
    audits_per_hour: Annotated[int, Field(ge=0, le=1000)] | None = None
    per_hour: Annotated[int, Field(ge=0, le=10_000)] | None = None
    most_pending: Annotated[int, Field(ge=0, le=10_000)] | None = None
    copies: Annotated[int, Field(ge=1, le=100)] | None = None
    borderline: Annotated[float, Field(ge=0, le=5)] | None = None
    by: Label


class Learned(Message):
    """A model version came out of a training, and from now on these images are known to it."""

    version_id: str
    sha256: tuple[str, ...]
    """Of the images that it learned from or was judged by."""


ITEM_QUEUED = Event(
    "review.item.queued.v1",
    ReviewItem,
    "People are asked about a part.",
    said_by=("training",),
    heard_by=("gateway",),
)
ANNOTATION_MADE = Event(
    "review.annotation.made.v1",
    Annotation,
    "What a part is has been said, by as many people as the station wants.",
    said_by=("training",),
    heard_by=("gateway", "training"),
)
LEARNED = Event(
    "review.item.learned.v1",
    Learned,
    "A model has learned from labeled parts.",
    said_by=("training",),
    heard_by=("training",),
)
LIST = Query(
    "review.item.list.v1",
    ListItems,
    "Read what people are asked about, lowest confidence first.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Items,
)
GET = Query(
    "review.item.get.v1",
    GetItem,
    "Read one item with everybody's annotations.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=AnnotatedItem,
)
ANNOTATE = Query(
    "review.item.annotate.v1",
    Annotate,
    "Say what a part is.",
    said_by=("gateway",),
    heard_by=("training",),
    reply=ReviewItem,
)
SUGGEST = Query(
    "review.item.suggest.v1",
    Suggest,
    "Ask people about a part.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=ReviewItem,
)
STATISTICS = Query(
    "review.statistics.get.v1",
    GetReviewStatistics,
    "How many parts wait, are labeled and were learned from.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=ReviewStatistics,
)
ADVICE = Query(
    "review.advice.get.v1",
    GetAdvice,
    "Whether a retraining is worth it.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Advice,
)
POLICY = Query(
    "review.policy.get.v1",
    GetPolicy,
    "How a station chooses what to ask.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Policy,
)
PUT_POLICY = Query(
    "review.policy.put.v1",
    PutPolicy,
    "Change how a station chooses what to ask.",
    said_by=("gateway",),
    heard_by=("training",),
    reply=Policy,
)
