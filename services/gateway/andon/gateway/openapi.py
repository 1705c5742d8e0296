"""The OpenAPI document: what FastAPI derives from the routes, with what it can't know of our errors."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from andon.gateway.errors import REASONS
from andon.gateway.forms import FORMS, form_of
from andon.gateway.limits import is_free

Part = dict[str, Any]

_RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_THEIRS = ("HTTPValidationError", "ValidationError")
"""FastAPI's own form of a bad request, which install() in errors.py replaces."""


def install(app: FastAPI) -> None:
    """Let the application give out the completed document."""
    plain = app.openapi

    @cache
    def document() -> Part:
        return completed(plain())

    app.openapi = document


def completed(document: Part) -> Part:
    """Operation ids that don't change with the code, and every status an operation answers with."""
    for path, method, operation in _operations(document):
        operation["operationId"] = operation_id(method, path)
        responses: Part = operation["responses"]
        for status in _statuses(path, operation):
            responses.setdefault(str(status.value), {"description": REASONS[status]})
        for status, response in responses.items():
            if status >= "400":
                response["content"] = form_of(path).content
        if "429" in responses:
            responses["429"]["headers"] = _RETRY_AFTER
        operation["responses"] = dict(sorted(responses.items()))
    schemas: Part = document["components"]["schemas"]
    for form in FORMS:
        schema = form.body.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas |= schema.pop("$defs", {}) | {form.body.__name__: schema}
    for name in _THEIRS:
        schemas.pop(name, None)
    return document


def operation_id(method: str, path: str) -> str:
    """`get_inspect_id` for GET /api/v1/inspect/{id}; what lies outside of /api/v1 has `root` in its id."""
    below = path.removeprefix("/api/v1") if path.startswith("/api/v1/") else f"/root{path}"
    return "_".join([method, *re.findall(r"\w+", below.replace("-", "_"))])


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Part]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _statuses(path: str, operation: Part) -> Iterator[HTTPStatus]:
    """What follows from the operation's form; the rest is declared at its route with `may`."""
    theirs = operation["responses"].get("422", {}).get("content", {}).get("application/json", {})
    if theirs.get("schema", {}).get("$ref", "").endswith(_THEIRS[0]):
        del operation["responses"]["422"]
    if operation.get("parameters") or "requestBody" in operation:
        yield HTTPStatus.BAD_REQUEST
    if operation.get("security"):
        yield from (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    if "{" in path:
        yield HTTPStatus.NOT_FOUND
    if "requestBody" in operation:
        yield HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    if not is_free(path):
        yield from (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
