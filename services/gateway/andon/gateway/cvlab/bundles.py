"""Components packed into one archive."""

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from andon.contracts import Name, NotFound, component
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.views import FileView, file_view
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayView

routes = APIRouter(prefix="/components", tags=["components"])

_SLOW = 60.0
_FOLDER = "cvlabkit"
"""Where workers keep their tree."""
QUESTIONS = ("/components/bundle/info", "/components/bundle/download")
_BINARY = {"type": "string", "format": "binary"}
_ARCHIVE: dict[str, Any] = {"content": {"application/gzip": {"schema": _BINARY}}}


class BundleBody(BaseModel):
    """By names, by paths or by an experiment's manifest."""

    agent: str = ""
    components: Annotated[dict[str, str], Field(max_length=100)] = {}
    """By category: names with commas or bars between, each perhaps with its parameters in brackets."""
    paths: Annotated[list[str], Field(max_length=2000)] = []
    experiment_uid: Name | None = None


class BundleView(BaseModel):
    files: list[FileView]
    missing: list[str]
    """Paths without an active version; they are not in the archive."""
    total_size: int
    """Bytes, before packing."""
    total_hash: str
    """The same for the same files."""


@routes.post("/bundle/info", responses=may(404))
async def info(body: BundleBody, _who: MayView, here: Here) -> Answer[BundleView]:
    """What an archive would hold."""
    found = await _bundle(body, here, build=False)
    files = [file_view(file, _FOLDER) for file in found.files]
    return answered(
        BundleView(
            files=files, missing=list(found.missing), total_size=found.total_size, total_hash=found.total_hash
        )
    )


@routes.post("/bundle/download", responses=may(404, 413) | {200: _ARCHIVE}, response_class=Response)
async def download(body: BundleBody, _who: MayView, here: Here) -> Response:
    """A tar.gz, the same to the byte for the same files."""
    found = await _bundle(body, here, build=True)
    if found.key is None:
        raise NotFound("The archive was not made.")
    data = await here.blobs.get(found.key)
    await here.blobs.delete(found.key)
    headers = {
        "Content-Disposition": f'attachment; filename="bundle-{found.total_hash}.tar.gz"',
        "X-Content-Hash": found.total_hash,
    }
    return Response(data, media_type="application/gzip", headers=headers)


async def _bundle(body: BundleBody, here: Gateway, *, build: bool) -> component.Bundle:
    question = parsed(
        component.MakeBundle, paths=tuple(_paths(body)), experiment_uid=body.experiment_uid,
        folder=_FOLDER, build=build,
    )  # fmt: skip
    return await here.bus.ask(component.BUNDLE, question, timeout=_SLOW)


def _paths(body: BundleBody) -> list[str]:
    named = [f"agent/{body.agent}"] if body.agent else []
    for category, names in body.components.items():
        each = (name.partition("(")[0].strip() for name in names.replace("|", ",").split(","))
        named += [f"{category}/{name}" for name in each if name]
    return list(dict.fromkeys([*named, *body.paths]))
