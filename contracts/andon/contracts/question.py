"""Questions in words, answered from what was counted."""

from andon.contracts._message import Message, Time
from andon.contracts._subject import Query
from andon.contracts.config import Backend

MAX_LENGTH = 500
"""Characters of a question."""
Figure = bool | int | float | str | None


class AskQuestion(Message):
    question: str
    """One question in English, of up to 500 characters."""


class Period(Message):
    """What an answer covers: whole clock hours, UTC."""

    since: Time
    until: Time
    """Exclusive; a period that goes on ends with the moment of the answer."""
    words: str
    """Such as `over the last 7 days`."""


class Data(Message):
    """What an answer is made of."""

    query: str
    """The typed query that the question was read as, such as `class_count`."""
    station_id: str | None = None
    """None for all stations."""
    period: Period
    figures: dict[str, Figure]
    """Every figure of the answer by name."""
    rows: tuple[dict[str, Figure], ...] = ()
    """The same per class or station, where the question asks for it."""


class Answer(Message):
    question: str
    answer: str
    backend: Backend
    """Who worded it: the configured backend, or `local` where its words did not hold."""
    data: Data


class DescribeImage(Message):
    inspection_id: str


class Description(Message):
    id: str
    """Of the judged part."""
    description: str
    backend: Backend
    model: str


ANSWER = Query(
    "question.text.answer.v1",
    AskQuestion,
    "Answer a question from what was counted.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Answer,
)
DESCRIBE = Query(
    "question.image.describe.v1",
    DescribeImage,
    "Let the configured model describe a part's image.",
    said_by=("gateway",),
    heard_by=("inspection",),
    reply=Description,
)
