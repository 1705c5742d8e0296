"""How an error reaches a client: one renderer per façade, and never the text of a bug."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from andon.contracts import BadRequest, Problem, Refused
from andon.telemetry import trace_id

M = TypeVar("M", bound=BaseModel)

_BROKEN = 500


def detail(problem: Problem) -> JSONResponse:
    """The inspection façade's form: {"detail": "one sentence"}."""
    headers = {"WWW-Authenticate": "Bearer"} if problem.status == HTTPStatus.UNAUTHORIZED else None
    if problem.status >= _BROKEN and problem.status != HTTPStatus.SERVICE_UNAVAILABLE:
        content = {"detail": "Internal error", "trace_id": problem.trace_id or trace_id()}
        return JSONResponse(content, problem.status)
    return JSONResponse({"detail": _sentence(problem)}, problem.status, headers)


def parsed(model: type[M], **values: Any) -> M:
    """A contract message from a client's values. Raises BadRequest that names the field."""
    try:
        return model(**{name: value for name, value in values.items() if value is not None})
    except ValidationError as error:
        raise _bad_request(error.errors()) from None


def install(app: FastAPI) -> None:
    """Answer every error of the application in the façade's form."""
    app.exception_handler(Refused)(_refused)
    app.exception_handler(RequestValidationError)(_misfit)
    app.exception_handler(HTTPException)(_http)
    app.exception_handler(Exception)(_bug)


async def _refused(_request: Request, error: Refused) -> JSONResponse:
    return detail(error.problem)


async def _misfit(_request: Request, error: RequestValidationError) -> JSONResponse:
    return detail(_bad_request(error.errors()).problem)


async def _http(_request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"detail": error.detail}, error.status_code, error.headers)


async def _bug(_request: Request, _error: Exception) -> JSONResponse:
    return detail(Problem(code="internal", status=500, message="", trace_id=trace_id()))


def _sentence(problem: Problem) -> str:
    missing = [f"{name}: {why}" for name, why in problem.fields.items() if name not in problem.message]
    return " ".join([problem.message, *missing]) if missing else problem.message


def _bad_request(errors: Iterable[Mapping[str, Any]]) -> BadRequest:
    fields: dict[str, str] = {}
    for error in errors:
        if error["type"] == "json_invalid":
            return BadRequest("The request's body is not valid JSON.")
        place = [str(step) for step in error["loc"] if step not in _PLACES] or ["body"]
        fields.setdefault(".".join(place), str(error["msg"]).removeprefix("Value error, "))
    return BadRequest("; ".join(f"{name}: {why}" for name, why in fields.items()), fields)


_PLACES = frozenset({"body", "query", "path", "header", "cookie"})
