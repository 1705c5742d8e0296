"""How stations and recipes change."""

from datetime import datetime, timedelta

from andon.contracts import Conflict, NotFound
from andon.contracts.station import (
    Deployment,
    Evidence,
    Mode,
    ModelRef,
    PutStation,
    Recipe,
    SetModel,
    Station,
    Thresholds,
)
from andon.contracts.training import ModelDeployed

_HISTORY = 100


def changed(
    known: Station | None, wanted: PutStation, now: datetime, keep_passed: float | None = None
) -> Station:
    """The station with what is named changed; a new one teaches until it has a model.

    `keep_passed` is the share of passed parts that a new station keeps, unless it is named.
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
        for name in ("region", "evidence", "min_area_mm2")
        if (value := getattr(wanted, name)) is not None
    }
    if not named:
        return station.recipe
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
    """The station with another model, another trial, or both. Raises NotFound and Conflict."""
    if known is None:
        raise NotFound(f"there is no station with station_id '{wanted.station_id}'")
    version = known.recipe.model.version_id if known.recipe and known.recipe.model else None
    if wanted.expects_version not in (None, version):
        raise Conflict(f"station '{known.id}' judges by {version} now, not by {wanted.expects_version}")
    trial = known.trial.rollout_id if known.trial else ""
    if wanted.expects_trial not in (None, trial):
        raise Conflict(f"station '{known.id}' tries another version already: rollout {trial}")
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
        recipe = _revised(station, {"model": model, "thresholds": limits}, entry.by, entry.at)
    return station.model_copy(
        update={
            "recipe": recipe,
            "mode": Mode.PAUSE if station.mode is Mode.PAUSE else Mode.JUDGE,
            "history": _with(station.history, entry, again=same),
            "updated_at": _later(station, entry.at),
        }
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
