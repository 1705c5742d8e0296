"""Questions in words, and descriptions of images."""

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Invalid, question
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.principal import MayView

routes = APIRouter(tags=["query"])

_PATIENCE = 65.0
"""Seconds: more than the longest that the configuration lets a language model take."""


class QueryBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    question: str = Field(examples=["How many scratches were found at Station 3 this week?"])
    """In English, of up to 500 characters."""


@routes.post("/query", responses=may(422, 503))
async def query(body: QueryBody, _who: MayView, here: Here) -> question.Answer:
    """Answer a question from what was counted; `data` has every figure, the period and the station.

    422 for what can't be read, with what can be asked; 503 while questions are switched off.
    """
    if len(body.question) > question.MAX_LENGTH:
        too_long = f"question: at most {question.MAX_LENGTH} characters"
        raise Invalid(too_long, {"question": "too long"})
    asked = question.AskQuestion(question=body.question)
    return await here.bus.ask(question.ANSWER, asked, timeout=_PATIENCE)


@routes.post("/inspect/{id}/describe", responses=may(503))
async def describe(id: str, _who: MayView, here: Here) -> question.Description:  # noqa: A002 - its name in the API
    """Let the configured model describe a part's image; 503 where none is configured."""
    return await here.bus.ask(question.DESCRIBE, question.DescribeImage(inspection_id=id), timeout=_PATIENCE)
