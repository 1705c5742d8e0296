"""What is asked and said about versions on the line."""

from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.rollout._drift import Drift, DriftNews, GetDrift
from andon.contracts.rollout._lineage import GetLineage, Lineage
from andon.contracts.rollout._trials import (
    DeleteVersion,
    EndTrial,
    GetRollout,
    ListRollouts,
    OfferedStations,
    OfferVersion,
    RollBack,
    RolledBack,
    RolledBackStations,
    Rollout,
    Rollouts,
    StartTrial,
    VersionDeleted,
)

START = Query(
    "rollout.trial.start.v1",
    StartTrial,
    "Try a version beside the one that judges: silently, or on a share of the parts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollouts,
)


PROMOTE = Query(
    "rollout.trial.promote.v1",
    EndTrial,
    "End a trial: its version judges every part.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)


ABORT = Query(
    "rollout.trial.abort.v1",
    EndTrial,
    "End a trial or a watch; what judges stays.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)


GET = Query(
    "rollout.trial.get.v1",
    GetRollout,
    "Read one rollout with its figures.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollout,
)


LIST = Query(
    "rollout.trial.list.v1",
    ListRollouts,
    "Read rollouts, newest first.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Rollouts,
)


ROLL_BACK = Query(
    "rollout.version.rollback.v1",
    RollBack,
    "Let stations judge by the version before.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=RolledBackStations,
)


OFFER = Query(
    "rollout.version.offer.v1",
    OfferVersion,
    "Deploy a version where it is strictly better on the same held-out parts.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=OfferedStations,
)


DELETE = Query(
    "rollout.version.delete.v1",
    DeleteVersion,
    "Remove a version that judges nowhere.",
    said_by=("gateway",),
    heard_by=("training",),
    reply=VersionDeleted,
)


DRIFT = Query(
    "rollout.drift.get.v1",
    GetDrift,
    "How far each hour is from how it was.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Drift,
)


LINEAGE = Query(
    "rollout.lineage.get.v1",
    GetLineage,
    "Where a part's verdict came from.",
    said_by=("gateway", INTEGRATIONS),
    heard_by=("training",),
    reply=Lineage,
)


CHANGED = Event(
    "rollout.trial.changed.v1",
    Rollout,
    "A trial or a watch began or ended.",
    said_by=("training",),
    heard_by=("gateway", INTEGRATIONS),
)


ROLLED_BACK = Event(
    "rollout.version.rolled-back.v1",
    RolledBack,
    "A station judges by the version before again.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)


VERSION_DELETED = Event(
    "rollout.version.deleted.v1",
    VersionDeleted,
    "A version is gone.",
    said_by=("training",),
    heard_by=("gateway",),
)


DRIFT_STARTED = Event(
    "rollout.drift.started.v1",
    DriftNews,
    "What is seen or scored at a station differs from how it was.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)


DRIFT_ENDED = Event(
    "rollout.drift.ended.v1",
    DriftNews,
    "What is seen or scored at a station is again as it was.",
    said_by=("training",),
    heard_by=("gateway", "alerting", INTEGRATIONS),
)
