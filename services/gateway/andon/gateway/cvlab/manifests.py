"""What experiments were made of, and what a worker lacks."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Body
from pydantic import BaseModel, Field

from andon.contracts import component
from andon.gateway.context import Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.views import FileView, VersionView, file_view, version_view
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/components", tags=["components"])

_SLOW = 30.0

QUESTIONS = ("/components/sync",)


class ManifestView(BaseModel):
    experiment_uid: str
    components: dict[str, str]
    """Hash by path."""
    created_at: datetime
    created_by: str
    revision: int
    files: list[FileView]
    """What to write where, to restore it."""


class SavedView(BaseModel):
    experiment_uid: str
    component_count: int
    revision: int


class SyncBody(BaseModel):
    required_components: Annotated[list[str], Field(max_length=5000)]
    """Paths."""
    local_hashes: Annotated[dict[str, str], Field(max_length=5000)] = {}
    """By path, either hash."""


class NeededView(BaseModel):
    path: str
    hash: str
    sha256: str
    size: int
    download: bool
    local_known: bool
    """What the worker has is a version of this path."""


class SyncView(BaseModel):
    to_download: list[str]
    """Hashes."""
    components: dict[str, VersionView]
    """By hash; where two paths share a content, see `needed`."""
    needed: list[NeededView]
    unknown: list[str]


Components = Annotated[dict[str, str], Body(description="Hash by path.")]


@routes.get("/manifest/{experiment_uid}")
async def manifest(experiment_uid: str, _who: MayView, here: Here) -> Answer[ManifestView]:
    """The exact components of an experiment, and where each belongs."""
    question = parsed(component.GetManifest, experiment_uid=experiment_uid)
    found = await here.bus.ask(component.GET_MANIFEST, question)
    components = {file.path: file.hash for file in found.files}
    files = [file_view(file) for file in found.files]
    return answered(ManifestView(**found.model_dump(exclude={"files"}), components=components, files=files))


@routes.post("/manifest/{experiment_uid}", responses=may(409, 422))
async def save_manifest(
    experiment_uid: str, components: Components, who: MayConfigure, here: Here
) -> Answer[SavedView]:
    """Note an experiment's components, in place of what was noted before."""
    wish = parsed(
        component.SaveManifest, experiment_uid=experiment_uid, components=components, by=who.username
    )
    saved = await here.bus.ask(component.SAVE_MANIFEST, wish, timeout=_SLOW)
    view = SavedView(experiment_uid=experiment_uid, component_count=len(saved.files), revision=saved.revision)
    return answered(view, "Manifest saved")


@routes.post("/sync")
async def sync(body: SyncBody, _who: MayView, here: Here) -> Answer[SyncView]:
    """Which active versions a worker lacks; unknown paths are named and skipped."""
    question = parsed(component.PlanSync, required=tuple(body.required_components), local=body.local_hashes)
    plan = await here.bus.ask(component.PLAN, question, timeout=_SLOW)
    wanted = dict.fromkeys(each.version.hash for each in plan.needed if each.download)
    return answered(
        SyncView(
            to_download=list(wanted),
            components={each.version.hash: version_view(each.version) for each in plan.needed},
            needed=[_needed_view(each) for each in plan.needed],
            unknown=list(plan.unknown),
        )
    )


def _needed_view(each: component.Needed) -> NeededView:
    facts = each.version.model_dump(include={"path", "hash", "sha256", "size"})
    return NeededView(**facts, download=each.download, local_known=each.local_known)
