"""The active version of a component as a plain file."""

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response

from andon.contracts import component
from andon.contracts.component import Kind
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import parsed
from andon.gateway.principal import MayView

routes = APIRouter(prefix="/components", tags=["components"])

_TYPES = {
    Kind.CODE: "text/x-python; charset=utf-8",
    Kind.PREPROCESSING: "text/x-python; charset=utf-8",
    Kind.CONFIG: "application/yaml",
    Kind.MODEL_HEAD: "application/octet-stream",
}
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"text/x-python": {"schema": {"type": "string"}}}}}


@routes.get("/agent/{name}/source", responses=_FILE, response_class=Response)
async def agent(name: str, _who: MayView, here: Here) -> Response:
    """An agent's file, with its XXH3-64 in `X-Content-Hash`."""
    return await _file(here, f"agent/{name}")


@routes.get("/component/{category}/{name}/source", responses=_FILE, response_class=Response)
async def of_component(category: str, name: str, _who: MayView, here: Here) -> Response:
    """A component's file, with its XXH3-64 in `X-Content-Hash`."""
    return await _file(here, f"{category}/{name}")


async def _file(here: Gateway, path: str) -> Response:
    found = await here.bus.ask(component.GET, parsed(component.GetVersion, path=path))
    file_name = quote(found.version.path.rpartition("/")[2])
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{file_name}",
        "X-Content-Hash": found.version.hash,
        "X-Content-SHA256": found.version.sha256,
    }
    return Response(found.content, media_type=_TYPES[found.version.kind], headers=headers)
