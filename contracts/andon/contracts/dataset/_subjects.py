"""What is said and asked about datasets."""

from andon.contracts._subject import INTEGRATIONS, Command, Event, Query
from andon.contracts.dataset._builds import Build, GetBuild, RunBuild, StartBuild
from andon.contracts.dataset._versions import (
    ApproveVersion,
    CompareVersions,
    DatasetVersion,
    Difference,
    GetVersion,
    ListSamples,
    ListVersions,
    Samples,
    Versions,
)

START = Query(
    "dataset.build.start.v1",
    StartBuild,
    "Put a dataset version together.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Build,
)
RUN = Command(
    "dataset.build.run.v1",
    RunBuild,
    "It is this build's turn.",
    said_by=("training",),
    heard_by=("training",),
)
BUILD = Query(
    "dataset.build.get.v1",
    GetBuild,
    "How far a build is.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Build,
)
BUILT = Event(
    "dataset.version.built.v1",
    DatasetVersion,
    "A dataset has a new version.",
    said_by=("training",),
    heard_by=("gateway",),
)
APPROVED = Event(
    "dataset.version.approved.v1",
    DatasetVersion,
    "Somebody stands for a dataset version, or against it.",
    said_by=("training",),
    heard_by=("gateway",),
)
GET = Query(
    "dataset.version.get.v1",
    GetVersion,
    "Read one version.",
    said_by=("gateway", "training", INTEGRATIONS),
    heard_by=("training",),
    reply=DatasetVersion,
)
LIST = Query(
    "dataset.version.list.v1",
    ListVersions,
    "Read versions, newest first.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Versions,
)
SAMPLES = Query(
    "dataset.sample.list.v1",
    ListSamples,
    "Read what is in a version.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Samples,
)
APPROVE = Query(
    "dataset.version.approve.v1",
    ApproveVersion,
    "Stand for a version, or against it.",
    said_by=("gateway",),
    heard_by=("training",),
    reply=DatasetVersion,
)
DIFF = Query(
    "dataset.version.diff.v1",
    CompareVersions,
    "What changed from one version to another.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Difference,
)
