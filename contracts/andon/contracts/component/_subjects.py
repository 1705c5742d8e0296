"""Where and why components are spoken of."""

from andon.contracts._subject import Event, Query
from andon.contracts.component._use import (
    Bundle,
    ConfigFindings,
    GetManifest,
    MakeBundle,
    Manifest,
    PlanSync,
    SaveManifest,
    Scanned,
    ScanTree,
    SyncPlan,
    ValidateConfig,
)
from andon.contracts.component._versions import (
    Activated,
    ActivateVersion,
    Activation,
    Activations,
    Active,
    Components,
    Content,
    Diff,
    DiffVersions,
    GetActive,
    GetVersion,
    ListActivations,
    ListComponents,
    ListVersions,
    Matches,
    SearchComponents,
    Uploaded,
    UploadVersion,
    Version,
    Versions,
)

UPLOAD = Query(
    "component.version.upload.v1",
    UploadVersion,
    "Keep a version, and activate it.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Uploaded,
)
ACTIVATE = Query(
    "component.version.activate.v1",
    ActivateVersion,
    "Let a path's version be the one that is used.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Activated,
)
GET = Query(
    "component.version.get.v1",
    GetVersion,
    "Read one version with its content.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Content,
)
LIST_VERSIONS = Query(
    "component.version.list.v1",
    ListVersions,
    "Read the versions of a path.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Versions,
)
DIFF = Query(
    "component.version.diff.v1",
    DiffVersions,
    "Compare two versions of a path.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Diff,
)
LIST = Query(
    "component.path.list.v1",
    ListComponents,
    "Read what paths there are.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Components,
)
ACTIVE = Query(
    "component.active.get.v1",
    GetActive,
    "Read which versions are used.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Active,
)
SEARCH = Query(
    "component.path.search.v1",
    SearchComponents,
    "Find text in names and in what is used.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Matches,
)
HISTORY = Query(
    "component.activation.list.v1",
    ListActivations,
    "Read who activated what, and why.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Activations,
)
SAVE_MANIFEST = Query(
    "component.manifest.save.v1",
    SaveManifest,
    "Note what an experiment is made of.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Manifest,
)
GET_MANIFEST = Query(
    "component.manifest.get.v1",
    GetManifest,
    "Read what an experiment was made of.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Manifest,
)
BUNDLE = Query(
    "component.bundle.make.v1",
    MakeBundle,
    "Pack components into one archive.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Bundle,
)
PLAN = Query(
    "component.sync.plan.v1",
    PlanSync,
    "Tell a worker what it lacks.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=SyncPlan,
)
VALIDATE = Query(
    "component.config.validate.v1",
    ValidateConfig,
    "Compare parameters with what a component takes.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=ConfigFindings,
)
SCAN = Query(
    "component.tree.scan.v1",
    ScanTree,
    "Register the files below the store's own folder.",
    said_by=("gateway",),
    heard_by=("component-store",),
    reply=Scanned,
)
PUBLISHED = Event(
    "component.version.published.v1",
    Version,
    "A path has a new version.",
    said_by=("component-store",),
    heard_by=("gateway",),
)
ACTIVATED = Event(
    "component.version.activated.v1",
    Activation,
    "A path has another active version.",
    said_by=("component-store",),
    heard_by=("gateway",),
)
