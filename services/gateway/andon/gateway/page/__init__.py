"""The dashboard and the API's documentation, both served from here alone."""

from pathlib import Path

import fastapi_offline
from fastapi import APIRouter, FastAPI
from fastapi.responses import FileResponse, HTMLResponse
from pydantic import BaseModel
from starlette.staticfiles import StaticFiles

from andon.gateway.context import Here
from andon.gateway.domain import PAGES
from andon.gateway.page.built import Assets, Dashboard

routes = APIRouter(include_in_schema=False)

_FILES = Path(__file__).parent / "files"
DASHBOARD = Path(__file__).parent / "dist"
"""Where the dashboard's build lays it."""
_SWAGGER = Path(fastapi_offline.__file__).parent / "static"
_ALWAYS_ASK = {"Cache-Control": "no-cache"}


class About(BaseModel):
    version: str
    demo: bool
    """Whether the well-known credentials work."""


@routes.get("/docs")
async def docs() -> FileResponse:
    return FileResponse(_FILES / "docs.html", headers=_ALWAYS_ASK)


@routes.get("/redoc")
async def redoc() -> FileResponse:
    return FileResponse(_FILES / "redoc.html", headers=_ALWAYS_ASK)


@routes.get("/favicon.ico")
async def icon() -> FileResponse:
    return FileResponse(_FILES / "icon.svg", media_type="image/svg+xml")


@routes.get("/page/about.json")
async def about(here: Here) -> About:
    return About(version=here.version, demo=here.demo)


def mount(app: FastAPI, dashboard: Path = DASHBOARD) -> None:
    """Serve the dashboard as it was built into a folder, its files and the documentation."""
    built = Dashboard(dashboard)

    async def page() -> HTMLResponse:
        return built.page()

    for address in ("/", *(f"/{name}{rest}" for name in PAGES for rest in ("", "/{rest:path}"))):
        app.add_api_route(address, page, include_in_schema=False)
    app.include_router(routes)
    app.mount("/page/assets", Assets(directory=dashboard / "assets", check_dir=False))
    app.mount("/page", _Files(directory=_FILES))
    app.mount("/docs-files", _Files(directory=_SWAGGER))


class _Files(StaticFiles):
    def file_response(self, *args, **kwargs):  # noqa: ANN002, ANN003, ANN202 - Starlette's own signature
        response = super().file_response(*args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-cache")
        return response
