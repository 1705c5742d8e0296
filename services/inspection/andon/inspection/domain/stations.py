"""How stations and recipes change."""

from datetime import datetime

from andon.contracts.station import Mode, PutStation, Recipe, Station
from andon.contracts.training import ModelDeployed


def changed(known: Station | None, wanted: PutStation, now: datetime) -> Station:
    """The station with what is named changed; a new one teaches until it has a model."""
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
    recipe = station.recipe
    same = recipe is not None and recipe.model == news.model and recipe.thresholds == news.thresholds
    if not same:
        recipe = _revised(station, {"model": news.model, "thresholds": news.thresholds}, news.by, news.at)
    return station.model_copy(update={"recipe": recipe, "mode": Mode.JUDGE, "updated_at": news.at})


def _revised(station: Station, changes: dict[str, object], by: str, now: datetime) -> Recipe:
    old = station.recipe or Recipe(station_id=station.id, changed_at=now)
    return old.model_copy(
        update={**changes, "revision": old.revision + 1, "changed_at": now, "changed_by": by}
    )
