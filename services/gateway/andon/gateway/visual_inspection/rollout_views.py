"""How versions on the line are shown."""

from typing import Any

from pydantic import BaseModel

from andon.contracts import rollout, station


class TriedView(BaseModel):
    rollout_id: str
    role: station.TrialRole
    version_id: str
    share: float


class ActiveModelView(BaseModel):
    station_id: str
    version_id: str | None
    name: str | None
    digest: str | None
    recipe_revision: int | None
    since: str | None
    """When it was taken into use."""
    trial: TriedView | None


class ActiveModelsView(BaseModel):
    active: list[ActiveModelView]


class HistoryView(BaseModel):
    station_id: str
    versions: list[station.Deployment]
    """Newest first."""


class RolledBackView(BaseModel):
    rolled_back: list[rollout.RolledBack]


class OfferedView(BaseModel):
    offered: list[rollout.Offered]


class RolloutsView(BaseModel):
    rollouts: list[rollout.Rollout]


def active_view(found: station.Stations) -> ActiveModelsView:
    return ActiveModelsView(active=[ActiveModelView(**_active(each)) for each in found.stations])


def history_view(found: station.Station) -> HistoryView:
    return HistoryView(station_id=found.id, versions=list(found.history))


def _active(known: station.Station) -> dict[str, Any]:
    model = known.recipe.model if known.recipe else None
    trial = known.trial
    return {
        "station_id": known.id,
        "version_id": model and model.version_id,
        "name": model and model.name,
        "digest": model and model.digest,
        "recipe_revision": known.recipe and known.recipe.revision,
        "since": known.history[0].at.isoformat() if known.history else None,
        "trial": trial
        and TriedView(
            rollout_id=trial.rollout_id,
            role=trial.role,
            version_id=trial.model.version_id,
            share=trial.share,
        ),
    }
