"""Components and their versions: uploaded, activated, compared, found."""

import base64
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import BadRequest, Event, component
from andon.contracts.component import Category, Kind
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.views import (
    ActivatedView,
    ActivationView,
    CategoryView,
    ComponentView,
    DiffView,
    FoundVersionView,
    MatchView,
    SearchView,
    UploadedView,
    VersionView,
    component_view,
    version_view,
)
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.realtime.feed import Channel

routes = APIRouter(prefix="/components", tags=["components"])

UPLOAD_ROOM = 8 << 20
"""Bytes of an upload's body: a content of 5 MiB as base64, and what stands around it."""
_PAGE, _PAGES = 2000, 50
_SLOW = 30.0
"""Seconds for what reads many contents."""

CHANNELS: Mapping[Event[Any], Channel] = {
    component.PUBLISHED: Channel("component_version", lambda found: found.model_dump(mode="json")),
    component.ACTIVATED: Channel("component_activated", lambda found: found.model_dump(mode="json")),
}
"""What dashboards are told."""
QUESTIONS = tuple(f"/components/{path}" for path in ("versions/active", "versions/diff", "validate-config"))


class UploadBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    path: str
    """`category/name.py`, `.yaml` or `.onnx`."""
    content: str | None = None
    content_base64: str | None = None
    """Instead of `content`, for what is no text."""
    activate: bool = True
    kind: Kind | None = None
    """By default what the path's ending says."""
    why: str = ""


class ActivateBody(BaseModel):
    hash: str
    """XXH3-64 or SHA-256."""
    path: str | None = None
    """Needed where the same content is at several paths."""
    restore_local: bool = True
    why: str = ""


class DiffBody(BaseModel):
    from_hash: str
    to_hash: str
    path: str | None = None


class PathsBody(BaseModel):
    paths: Annotated[list[str], Field(max_length=5000)]


class ConfigBody(BaseModel):
    type: str
    """`category.name`"""
    params: Annotated[dict[str, Any], Field(max_length=1000)] = {}


class ConfigView(BaseModel):
    valid: bool
    unknown: list[str]
    """Names the component does not take."""
    accepted: list[str]


class ScanView(BaseModel):
    registered: int
    new: int
    failed: dict[str, str]


@routes.get("", responses=may(400))
async def by_category(_who: MayView, here: Here) -> Answer[list[CategoryView]]:
    """Every component, category by category."""
    found = await _all(here)
    return answered(
        [
            CategoryView(category=category, count=len(inside), components=inside)
            for category in Category
            if (inside := [each for each in found if each.category is category])
        ]
    )


@routes.get("/category/{category}")
async def in_category(category: str, _who: MayView, here: Here) -> Answer[list[ComponentView]]:
    """The components of one category."""
    return answered(await _all(here, category))


@routes.get("/search")
async def search(
    q: Annotated[str, Query(min_length=1, max_length=200)],
    _who: MayView,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Answer[SearchView]:
    """Paths, and lines of the active versions, that contain a text, whatever its case."""
    question = parsed(component.SearchComponents, text=q, limit=limit)
    found = await here.bus.ask(component.SEARCH, question, timeout=_SLOW)
    matches = [MatchView(**match.model_dump()) for match in found.matches]
    return answered(SearchView(matches=matches, complete=found.complete))


@routes.post("/validate-config", responses=may(422))
async def validate_config(body: ConfigBody, _who: MayView, here: Here) -> Answer[ConfigView]:
    """Whether a component takes these parameters; what is missing is refused."""
    category, dot, name = body.type.partition(".")
    if not dot:
        raise BadRequest("type: must be category.name", {"type": "not category.name"})
    question = parsed(component.ValidateConfig, path=f"{category}/{name}", parameters=tuple(body.params))
    found = await here.bus.ask(component.VALIDATE, question)
    if found.missing:
        fields = {f"params.{name}": "missing" for name in found.missing}
        raise BadRequest(f"params: {', '.join(found.missing)} must be given", fields)
    view = ConfigView(valid=not found.unknown, unknown=list(found.unknown), accepted=list(found.accepted))
    return answered(view)


@routes.get("/versions")
async def listed(_who: MayView, here: Here) -> Answer[list[ComponentView]]:
    """Every component with its active version, in order of paths."""
    return answered(await _all(here))


@routes.get("/versions/hash/{hash}", responses=may(409))
async def by_hash(
    hash: str,  # noqa: A002 - its name in the API
    _who: MayView,
    here: Here,
    path: str | None = None,
) -> Answer[FoundVersionView]:
    """One version with its content, by either hash; `path` where it must be that component's."""
    found = await here.bus.ask(component.GET, parsed(component.GetVersion, hash=hash, path=path))
    view = version_view(found.version, found.content)
    return answered(FoundVersionView(**view.model_dump(), paths=list(found.paths)))


@routes.get("/versions/{category}")
async def listed_in(category: str, _who: MayView, here: Here) -> Answer[list[ComponentView]]:
    """The components of one category with their active versions."""
    return answered(await _all(here, category))


@routes.get("/versions/{category}/{name}")
async def versions(
    category: str,
    name: str,
    _who: MayView,
    here: Here,
    include_content: bool = False,
    limit: Annotated[int, Query(ge=1, le=1000)] = 1000,
) -> Answer[list[VersionView]]:
    """The versions of a component, newest first; contents as far as 4 MiB reach."""
    question = parsed(
        component.ListVersions, path=f"{category}/{name}", include_content=include_content, limit=limit
    )
    found = await here.bus.ask(component.LIST_VERSIONS, question, timeout=_SLOW)
    return answered([version_view(each, found.contents.get(each.sha256)) for each in found.versions])


@routes.get("/versions/{category}/{name}/active")
async def active(category: str, name: str, _who: MayView, here: Here) -> Answer[VersionView]:
    """The active version of a component, with its content."""
    found = await here.bus.ask(component.GET, parsed(component.GetVersion, path=f"{category}/{name}"))
    return answered(version_view(found.version, found.content))


@routes.get("/versions/{category}/{name}/history")
async def history(
    category: str, name: str, _who: MayView, here: Here, limit: Annotated[int, Query(ge=1, le=500)] = 100
) -> Answer[list[ActivationView]]:
    """Who activated what, and why; newest first."""
    question = parsed(component.ListActivations, path=f"{category}/{name}", limit=limit)
    found = await here.bus.ask(component.HISTORY, question)
    return answered([ActivationView(**each.model_dump()) for each in found.activations])


@routes.post("/versions/upload", responses=may(409, 422))
async def upload(body: UploadBody, who: MayConfigure, here: Here) -> Answer[UploadedView]:
    """Keep a content at a path, by default as its active version. Code is parsed, never run."""
    wish = parsed(
        component.UploadVersion, path=body.path, content=_bytes_of(body), kind=body.kind,
        activate=body.activate, by=who.username, why=body.why,
    )  # fmt: skip
    done = await here.bus.ask(component.UPLOAD, wish, timeout=_SLOW)
    message = "New version uploaded" if done.is_new else "Version already exists"
    return answered(UploadedView(**done.version.model_dump(), is_new=done.is_new), message)


@routes.post("/versions/activate", responses=may(404, 409))
async def activate(body: ActivateBody, who: MayConfigure, here: Here) -> Answer[ActivatedView]:
    """Let a version be the active one of its path, also an older one."""
    wish = parsed(component.ActivateVersion, **body.model_dump(), by=who.username)
    done = await here.bus.ask(component.ACTIVATE, wish)
    view = ActivatedView(**done.version.model_dump(), restored=done.restored)
    return answered(view, "Version activated")


@routes.post("/versions/active")
async def active_hashes(body: PathsBody, _who: MayView, here: Here) -> Answer[dict[str, str]]:
    """Hashes of active versions by path; unknown and invalid paths are left out."""
    found = await here.bus.ask(component.ACTIVE, parsed(component.GetActive, paths=tuple(body.paths)))
    return answered({version.path: version.hash for version in found.versions})


@routes.post("/versions/diff", responses=may(404, 409, 422))
async def diff(body: DiffBody, _who: MayView, here: Here) -> Answer[DiffView]:
    """What differs between two versions of one component."""
    question = parsed(component.DiffVersions, **body.model_dump())
    found = await here.bus.ask(component.DIFF, question, timeout=_SLOW)
    return answered(DiffView(**found.model_dump(exclude={"unified"}), diff=found.unified))


@routes.post("/versions/scan", responses=may(404, 409))
async def scan(who: MayConfigure, here: Here) -> Answer[ScanView]:
    """Register the files in the server's own folder, where it has one; clients send theirs instead."""
    found = await here.bus.ask(component.SCAN, component.ScanTree(by=who.username), timeout=120)
    return answered(ScanView(**found.model_dump()), f"Registered {found.registered} components")


async def _all(here: Gateway, category: str | None = None) -> list[ComponentView]:
    found: list[ComponentView] = []
    for _ in range(_PAGES):
        after = found[-1].path if found else ""
        question = parsed(component.ListComponents, category=category, after=after, limit=_PAGE)
        page = (await here.bus.ask(component.LIST, question)).components
        found += map(component_view, page)
        if len(page) < _PAGE:
            break
    return found


def _bytes_of(body: UploadBody) -> bytes:
    if (body.content is None) == (body.content_base64 is None):
        raise BadRequest("content: give either content or content_base64", {"content": "one of two"})
    if body.content is None:
        try:
            return base64.b64decode(body.content_base64 or "", validate=True)
        except ValueError:
            raise BadRequest("content_base64: it is not base64", {"content_base64": "not base64"}) from None
    try:
        return body.content.encode()
    except UnicodeEncodeError:  # half of a pair, which JSON can spell and no file can hold
        raise BadRequest("content: it is not Unicode text", {"content": "not text"}) from None
