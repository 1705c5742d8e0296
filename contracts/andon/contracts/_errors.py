"""The one error Andon knows; each surface renders it in its own words."""

from typing import ClassVar

from pydantic import Field

from andon.contracts._message import Message


class Problem(Message):
    """Why something was refused, as it travels in a reply."""

    code: str
    """A stable word for programs, such as `not_found`."""
    status: int
    """The HTTP status that fits."""
    message: str
    """One sentence for a person."""
    fields: dict[str, str] = Field(default_factory=dict[str, str])
    """What is wrong with which field."""
    trace_id: str | None = None
    retry_after: int | None = None
    """Seconds after which the same may be tried again, where that is known."""


class Refused(Exception):
    """Raised where a request or message can't be served; a repeat would not help."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 400

    def __init__(self, message: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.problem = Problem(code=self.code, status=self.status, message=message, fields=fields or {})


class BadRequest(Refused):
    code, status = "bad_request", 400


class Unauthorised(Refused):
    code, status = "unauthorised", 401


class Forbidden(Refused):
    code, status = "forbidden", 403


class NotFound(Refused):
    code, status = "not_found", 404


class Conflict(Refused):
    code, status = "conflict", 409


class TooLarge(Refused):
    code, status = "too_large", 413


class UnsupportedMedia(Refused):
    code, status = "unsupported_media", 415


class Invalid(Refused):
    code, status = "invalid", 422


class RateLimited(Refused):
    code, status = "rate_limited", 429

    def __init__(
        self, message: str, fields: dict[str, str] | None = None, *, retry_after: int | None = None
    ) -> None:
        super().__init__(message, fields)
        self.problem = self.problem.model_copy(update={"retry_after": retry_after})


class Unavailable(Refused):
    """Something Andon stands on is away; the same request will work once it is back."""

    code, status = "unavailable", 503


_BY_CODE = {
    kind.code: kind
    for kind in (
        Refused,
        BadRequest,
        Unauthorised,
        Forbidden,
        NotFound,
        Conflict,
        TooLarge,
        UnsupportedMedia,
        Invalid,
        RateLimited,
        Unavailable,
    )
}


def raised(problem: Problem) -> Refused:
    """Turn a problem that came in a reply back into the error that was raised."""
    error = _BY_CODE.get(problem.code, Refused)(problem.message, dict(problem.fields))
    error.problem = problem
    return error
