"""How stations and recipes change."""

from datetime import datetime, timedelta

from andon.contracts import Conflict, Invalid, NotFound
from andon.contracts.station import (
    Deployment,
    DeploymentKind,
    DetectorUse,
    Evidence,
    Mode,
    ModelRef,
    PutStation,
    Recipe,
    SetModel,
    Station,
    Thresholds,
    TrialRole,
)
from andon.contracts.training import ModelDeployed
from andon.inspection.domain.rule import can_decide

_HISTORY = 100
_BACK = (DeploymentKind.ROLLBACK, DeploymentKind.AUTOMATIC_ROLLBACK)


def changed(
    known: Station | None, wanted: PutStation, now: datetime, keep_passed: float | None = None
) -> Station:
    """The station with what is named changed; a new one teaches until it has a model.

    `keep_passed` is the share of passed parts that a new station keeps, unless it is named. Raises Invalid
    where the detector is to decide and the station's version has no limit for that.
    """
    if known is None and wanted.evidence is None and keep_passed is not None:
        wanted = wanted.model_copy(update={"evidence": Evidence(keep_passed=keep_passed)})
    station = known or Station(id=wanted.id, created_at=now, updated_at=now)
    named = {
        name: value
        for name in ("name", "line", "mode", "mm_per_pixel_x", "mm_per_pixel_y")
        if (value := getattr(wanted, name)) is not None
    }
    recipe = _recipe(station, wanted, now)
    return station.model_copy(update={**named, "recipe": recipe, "updated_at": now})


def _recipe(station: Station, wanted: PutStation, now: datetime) -> Recipe | None:
    named = {
        name: value
        for name in ("region", "evidence", "min_area_mm2", "detector")
        if (value := getattr(wanted, name)) is not None
    }
    if not named:
        return station.recipe
    if wanted.detector is DetectorUse.DECIDES:
        _refuse_without_limit(station.id, station.recipe.model if station.recipe else None)
    return _revised(station, named, wanted.by, now)


def deployed(known: Station | None, station_id: str, news: ModelDeployed) -> Station:
    """The station judging by a model; told twice, it stays at the same revision."""
    station = known or Station(id=station_id, created_at=news.at, updated_at=news.at)
    if _outdated(station, news):
        return station
    entry = Deployment(
        version_id=news.version_id, digest=news.model.digest, name=news.model.name, by=news.by, at=news.at
    )
    return _taken_into_use(station, news.model, news.thresholds, entry)


def _outdated(station: Station, news: ModelDeployed) -> bool:
    """Whether the station knows of it already, or was given another model since."""
    if not station.history:
        return False
    last = station.history[0]
    return news.at < last.at or (news.at == last.at and news.version_id == last.version_id)


def switched(known: Station | None, wanted: SetModel) -> Station:
    """The station with another model, another trial, or both. Raises NotFound and Conflict.

    Raises Invalid for a version without a limit where the detector decides; the way back is never barred.
    """
    if known is None:
        raise NotFound(f"there is no station with station_id '{wanted.station_id}'")
    version = known.recipe.model.version_id if known.recipe and known.recipe.model else None
    if wanted.expects_version not in (None, version):
        raise Conflict(f"station '{known.id}' judges by {version} now, not by {wanted.expects_version}")
    trial = known.trial.rollout_id if known.trial else ""
    if wanted.expects_trial not in (None, trial):
        raise Conflict(f"station '{known.id}' tries another version already: rollout {trial}")
    if known.recipe is not None and known.recipe.detector is DetectorUse.DECIDES:
        if wanted.trial is not None and wanted.trial.role is TrialRole.CANARY:
            _refuse_without_limit(known.id, wanted.trial.model)
        if wanted.model is not None and wanted.deployment and wanted.deployment.kind not in _BACK:
            _refuse_without_limit(known.id, wanted.model)
    station = known.model_copy(update={"trial": wanted.trial, "updated_at": _later(known, wanted.at)})
    if wanted.model is None or wanted.thresholds is None or wanted.deployment is None:
        return station
    return _taken_into_use(station, wanted.model, wanted.thresholds, wanted.deployment)


def refs_of(station: Station) -> tuple[ModelRef, ...]:
    """The models a station needs ready."""
    own = station.recipe.model if station.recipe else None
    other = station.trial.model if station.trial else None
    return tuple(ref for ref in (own, other) if ref is not None)


def _taken_into_use(station: Station, model: ModelRef, limits: Thresholds, entry: Deployment) -> Station:
    recipe = station.recipe
    same = recipe is not None and recipe.model == model and recipe.thresholds == limits
    if not same:
        changes: dict[str, object] = {"model": model, "thresholds": limits}
        if not can_decide(model):
            changes["detector"] = DetectorUse.NAMES
        recipe = _revised(station, changes, entry.by, entry.at)
    return station.model_copy(
        update={
            "recipe": recipe,
            "mode": Mode.PAUSE if station.mode is Mode.PAUSE else Mode.JUDGE,
            "history": _with(station.history, entry, again=same),
            "updated_at": _later(station, entry.at),
        }
    )


def _refuse_without_limit(station_id: str, model: ModelRef | None) -> None:
    if model is None or model.detector is None:
        reason = f"{model.version_id} has no detector" if model else "it has no model yet"
    elif model.detector.fails_above is None:
        reason = (
            f"the detector of {model.version_id} has no limit to decide by: too few good parts were left out"
            " of its learning"
        )
    else:
        return
    raise Invalid(
        f"detector: 'decides' is not to be had at station '{station_id}': {reason}", {"detector": reason}
    )


def _with(known: tuple[Deployment, ...], entry: Deployment, *, again: bool) -> tuple[Deployment, ...]:
    if again and known and known[0].version_id == entry.version_id:
        return known
    return (entry, *known)[:_HISTORY]


def _later(station: Station, at: datetime) -> datetime:
    """Goes up with every change, whatever the clocks of others say: replicas tell the newer state by it."""
    return max(at, station.updated_at + timedelta(microseconds=1))


def _revised(station: Station, changes: dict[str, object], by: str, now: datetime) -> Recipe:
    old = station.recipe or Recipe(station_id=station.id, changed_at=now)
    return old.model_copy(
        update={**changes, "revision": old.revision + 1, "changed_at": now, "changed_by": by}
    )
