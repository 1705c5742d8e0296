"""How an error reaches a client: always in its façade's form, and never the text of a bug."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from andon.contracts import BadRequest, Invalid, Problem, Refused
from andon.gateway.forms import Detail, form_of, rendered
from andon.telemetry import trace_id

M = TypeVar("M", bound=BaseModel)

REASONS: Mapping[int, str] = {
    400: "What was sent is not as it must be; the detail names the field.",
    401: "There is no token, or it is not good (any more).",
    403: "The role or key does not permit this.",
    404: "There is no such thing.",
    409: "It does not go with what is there already.",
    413: "The request is too large.",
    415: "The media type is not taken.",
    422: "The content can't be worked with.",
    429: "Too many requests; Retry-After tells when to come again.",
    503: "Something that is needed is away or switched off.",
}
"""What each status means in this API."""


def may(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses`: errors that its form alone does not tell of."""
    return {status: {"model": Detail, "description": REASONS[status]} for status in statuses}


def parsed(model: type[M], **values: Any) -> M:
    """A contract message from a client's values. Raises BadRequest that names the field."""
    try:
        return model(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise _bad_request(error.errors()) from None


async def plain_names(connection: HTTPConnection) -> None:
    """Refuse parameters such as `station_id[$ne]`: who writes one expects more than to be ignored."""
    if connection.scope["type"] == "http":
        for name in connection.query_params:
            if not _PLAIN_NAME.fullmatch(name):
                raise BadRequest(f"There is no parameter {name[:64]!r}.")


def install(app: FastAPI) -> None:
    """Answer every error of the application in the façade's form."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RequestValidationError)(_misfit)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_bug)


async def _refused(request: Request, error: Refused) -> JSONResponse:
    return rendered(request.url.path, error.problem)


async def _misfit(request: Request, error: RequestValidationError) -> JSONResponse:
    path, errors = request.url.path, error.errors()
    problem = _bad_request(errors).problem
    if _is_misfit(errors) and form_of(path).misfit == Invalid.status:
        problem = problem.model_copy(update={"code": Invalid.code, "status": Invalid.status})
    return rendered(path, problem)


async def _http(request: Request, error: HTTPException) -> JSONResponse:
    problem = Problem(code="refused", status=error.status_code, message=str(error.detail))
    answer = rendered(request.url.path, problem)
    answer.headers.update(error.headers or {})
    return answer


async def _bug(request: Request, _error: Exception) -> JSONResponse:
    return rendered(request.url.path, Problem(code="internal", status=500, message="", trace_id=trace_id()))


def _is_misfit(errors: Sequence[Mapping[str, Any]]) -> bool:
    """Whether it is about a body that can be read."""
    unread = any(each["type"] == "json_invalid" or each["loc"] == ("body",) for each in errors)
    return not unread and all(each["loc"] and each["loc"][0] == "body" for each in errors)


def _bad_request(errors: Iterable[Mapping[str, Any]]) -> BadRequest:
    fields: dict[str, str] = {}
    for error in errors:
        if error["type"] == "json_invalid":
            return BadRequest("The request's body is not valid JSON.")
        first, *inside = (str(step) for step in (*error["loc"], "body"))
        place = ([] if first in _PLACES else [first]) + inside[:-1] or ["body"]
        fields.setdefault(".".join(place)[:_LONG], str(error["msg"]).removeprefix("Value error, "))
        if len(fields) == _MANY:
            break
    return BadRequest("; ".join(f"{name}: {why}" for name, why in fields.items()), fields)


_MANY, _LONG = 10, 100
"""Fields that are told of, and letters of a field's name: a client may make up thousands."""
_PLAIN_NAME = re.compile(r"[\w-]{1,64}", re.ASCII)
_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
