"""What the OpenAPI document promises, and who may knock without a token."""

import re
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from starlette.routing import Mount
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from andon.gateway.app import SERVICE, GatewaySettings, described
from andon.gateway.domain import PAGES
from andon.gateway.forms import form_of
from andon.gateway.limits import LimitSettings

PUBLIC = {
    "/",  # the page, which holds nothing of the line until somebody signs in
    *(f"/{name}{rest}" for name in PAGES for rest in ("", "/{rest:path}")),  # the same page
    "/docs",
    "/redoc",
    "/openapi.json",
    "/favicon.ico",
    "/page",
    "/page/assets",
    "/page/about.json",
    "/docs-files",
    "/health",  # probes
    "/api/v1/health",
    "/.well-known/jwks.json",  # public keys
    "/api/v1/auth/login",
    "/api/v1/auth/refresh",  # the refresh token is in the body
}
"""Everything that answers who has no token. A new entry needs a reason."""


@pytest.fixture
def settings(settings: GatewaySettings) -> GatewaySettings:
    """With room for a knock at every door within one minute."""
    return settings.model_copy(update={"limits": LimitSettings(others_per_minute=10_000)})


@pytest.fixture(scope="module")
def document():
    return described(GatewaySettings())


def operations(document):
    return [(path, method, each) for path, all_ in document["paths"].items() for method, each in all_.items()]


def routes():
    app: Any = SERVICE.build(GatewaySettings()).http
    return list(iter_route_contexts(app.app.routes))


@pytest.mark.long
async def test_no_route_but_the_public_ones_answers_without_a_token(stranger, address, subtests):
    tried = 0
    for route in routes():
        path = re.sub(r"{.*?}", "original", route.path or "")
        if route.path in PUBLIC:
            continue
        assert not isinstance(route.original_route, Mount), f"{path} serves files to anyone"
        tried += 1
        for method in sorted((route.methods or set()) - {"HEAD"}):
            with subtests.test(f"{method} {path}"):
                answer = await stranger.request(method, path)
                assert answer.status_code == 401
                form_of(path).body.model_validate(answer.json())
                assert answer.headers["www-authenticate"].startswith("Bearer")
        if not route.methods:
            with subtests.test(f"WS {path}"):
                async with connect(f"ws://{address}{path}", proxy=None) as socket:
                    with pytest.raises(ConnectionClosed):
                        await socket.recv()
                    assert socket.close_code == 4401
    assert tried > 20


def test_every_public_path_is_there():
    assert {route.path for route in routes()} >= PUBLIC


def test_every_route_is_in_the_document_or_a_page(document):
    shown = {route.path.replace(":path}", "}") for route in routes() if route.methods and route.path}
    hidden = shown - set(document["paths"])
    assert hidden <= {path.replace(":path}", "}") for path in PUBLIC}


def test_operation_ids_are_unique_and_made_of_method_and_path(document):
    ids = [each["operationId"] for _, _, each in operations(document)]
    assert len(ids) == len(set(ids))
    assert {"get_inspect_id", "post_auth_login", "get_root_health"} <= set(ids)


def test_every_error_is_documented_in_its_surface_s_form(document):
    for path, method, operation in operations(document):
        for status, response in operation["responses"].items():
            if int(status) < 400:
                continue
            assert response["content"] == form_of(path).content, (method, path, status)
            assert response["description"]
    assert set(document["components"]["schemas"]["Detail"]["required"]) == {"detail"}


def test_what_needs_a_token_documents_who_is_turned_away(document):
    for path, _, operation in operations(document):
        if path not in PUBLIC:
            assert {"401", "403", "503"} <= operation["responses"].keys(), path


def test_what_is_counted_documents_when_to_come_again(document):
    statistics = document["paths"]["/api/v1/statistics"]["get"]["responses"]
    assert "Retry-After" in statistics["429"]["headers"]
    assert "429" not in document["paths"]["/health"]["get"]["responses"]


def test_a_bad_request_is_400_and_nowhere_a_form_of_the_framework(document):
    assert "HTTPValidationError" not in str(document)
    assert "400" in document["paths"]["/api/v1/inspections"]["get"]["responses"]


async def test_a_running_gateway_gives_out_the_same_document(stranger, document):
    assert (await stranger.get("/openapi.json")).json() == document
