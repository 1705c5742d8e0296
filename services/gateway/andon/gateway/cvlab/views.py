"""Components as workers see them."""

import base64
from datetime import datetime

from pydantic import BaseModel

from andon.contracts import component
from andon.contracts.component import Category, Kind


class VersionView(BaseModel):
    hash: str
    """XXH3-64 of the content, 16 hex digits."""
    sha256: str
    path: str
    category: Category
    name: str
    kind: Kind
    size: int
    """Bytes."""
    is_active: bool
    created_at: datetime
    created_by: str
    content: str | None = None
    """Where it was asked for; null for a model head."""
    content_base64: str | None = None
    """A model head's bytes."""


class FoundVersionView(VersionView):
    paths: list[str]
    """Everywhere this content is."""


class UploadedView(VersionView):
    is_new: bool
    """False when the path had this content already."""


class ActivatedView(VersionView):
    restored: bool
    """Whether the file in the server's own folder was written."""


class ComponentView(BaseModel):
    path: str
    category: Category
    name: str
    active_hash: str | None
    active_sha256: str | None
    version_count: int
    updated_at: datetime


class CategoryView(BaseModel):
    category: Category
    count: int
    components: list[ComponentView]


class ActivationView(BaseModel):
    sequence: int
    hash: str
    sha256: str
    previous_hash: str | None
    previous_sha256: str | None
    rollback: bool
    """To a version older than the one before."""
    by: str
    why: str
    at: datetime


class DiffView(BaseModel):
    path: str
    from_hash: str
    to_hash: str
    from_content: str
    to_content: str
    diff: str
    """Unified."""


class MatchView(BaseModel):
    path: str
    hash: str | None
    line: int
    """From 1; 0 where the path itself matches."""
    text: str


class SearchView(BaseModel):
    matches: list[MatchView]
    complete: bool
    """False when there may be more."""


class FileView(BaseModel):
    path: str
    """In the worker's tree, such as component/model/resnet.py."""
    component: str
    type: Category
    name: str
    hash: str
    sha256: str
    size: int


def version_view(version: component.Version, content: bytes | None = None) -> VersionView:
    view = VersionView(**version.model_dump())
    if content is None:
        return view
    if version.kind is Kind.MODEL_HEAD:
        return view.model_copy(update={"content_base64": base64.b64encode(content).decode()})
    return view.model_copy(update={"content": content.decode()})


def component_view(found: component.Component) -> ComponentView:
    return ComponentView(**found.model_dump())


def file_view(file: component.ManifestFile, folder: str = "") -> FileView:
    category, _, name = file.path.partition("/")
    below = f"{folder}/" if folder else ""
    above = "" if category == Category.AGENT else "component/"
    return FileView(
        path=f"{below}{above}{file.path}", component=file.path, type=Category(category),
        name=name.rpartition(".")[0], hash=file.hash, sha256=file.sha256, size=file.size,
    )  # fmt: skip
