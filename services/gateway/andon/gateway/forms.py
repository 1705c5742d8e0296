"""How each façade tells of errors: the same problem in the words that its clients know."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from andon.contracts import Problem
from andon.telemetry import trace_id

_BROKEN = 500
_INTERNAL = "Internal error"
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class Detail(BaseModel):
    """Why a request was refused."""

    detail: str


class ProblemDetails(BaseModel):
    """RFC 7807."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    """One sentence that names the field."""
    errors: dict[str, str] = {}
    """What is wrong with which field."""
    trace_id: str


class NestedProblem(BaseModel):
    """Why a request below /api, outside of /api/v1, was refused."""

    detail: ProblemDetails


class CodedError(BaseModel):
    """Why a request below /v1 was refused."""

    error: str
    """One sentence that names the field; never the text of a bug."""
    code: Literal[
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "CONFLICT",
        "RATE_LIMITED",
        "INTERNAL_ERROR",
        "SERVICE_UNAVAILABLE",
        "VALIDATION_ERROR",
    ]
    trace_id: str = Field(examples=["4bf92f3577b34da6a3ce929d0e0e4736"])
    """As in the header X-Trace-Id, for support."""


@dataclass(frozen=True)
class Form:
    """One façade's errors."""

    body: type[BaseModel]
    told: Callable[[Problem], Mapping[str, Any]]
    """A body's content; of what broke it is told nothing but that it did."""
    misfit: int = HTTPStatus.BAD_REQUEST
    """The status of a body that is JSON, but not as it must be."""

    @property
    def content(self) -> dict[str, Any]:
        """As an OpenAPI document has it."""
        return {"application/json": {"schema": {"$ref": f"#/components/schemas/{self.body.__name__}"}}}


def form_of(path: str) -> Form:
    """The form of the façade that the path belongs to."""
    return next((form for beginning, form in _FORMS if path.startswith(beginning)), _DETAIL)


def rendered(path: str, problem: Problem) -> JSONResponse:
    """In the form of the façade that the path belongs to."""
    headers: dict[str, str] = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return JSONResponse(form_of(path).told(problem), problem.status, headers)


def _broken(problem: Problem) -> bool:
    return problem.status >= _BROKEN and problem.status != HTTPStatus.SERVICE_UNAVAILABLE


def _sentence(problem: Problem) -> str:
    if _broken(problem):
        return _INTERNAL
    missing = [f"{name}: {why}" for name, why in problem.fields.items() if name not in problem.message]
    return " ".join([problem.message, *missing]) if missing else problem.message


def _trace_of(problem: Problem) -> str:
    return problem.trace_id or trace_id()


def _detail(problem: Problem) -> Mapping[str, Any]:
    told = {"detail": _sentence(problem)}
    return {**told, "trace_id": _trace_of(problem)} if _broken(problem) else told


def _nested(problem: Problem) -> Mapping[str, Any]:
    details = ProblemDetails(
        title=_PHRASES.get(problem.status, problem.code),
        status=problem.status,
        detail=_sentence(problem),
        errors={} if _broken(problem) else problem.fields,
        trace_id=_trace_of(problem),
    )
    return {"detail": details.model_dump()}


def _coded(problem: Problem) -> Mapping[str, Any]:
    other = "INTERNAL_ERROR" if _broken(problem) else "BAD_REQUEST"
    code = _CODES.get(problem.status, other)
    return {"error": _sentence(problem), "code": code, "trace_id": _trace_of(problem)}


_CODES = {
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    409: "CONFLICT",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    503: "SERVICE_UNAVAILABLE",
}
_DETAIL = Form(Detail, _detail)
_NESTED = Form(NestedProblem, _nested)
_CODED = Form(CodedError, _coded, misfit=HTTPStatus.UNPROCESSABLE_ENTITY)
_FORMS = (("/api/v1/", _DETAIL), ("/api/", _NESTED), ("/v1/", _CODED), ("/ws/", _DETAIL), ("/ws", _CODED))
"""The first whose beginning fits."""
FORMS = (_DETAIL, _NESTED, _CODED)
