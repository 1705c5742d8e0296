"""Alerting, put together."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.alerting.domain import PassRateRule
from andon.alerting.handlers import Desk, Watcher
from andon.alerting.store import Alerts, Snapshots
from andon.contracts import alerting, inspection
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Mongo, MongoSettings

NAME = "alerting"


class RuleSettings(BaseModel):
    """When a line is bad."""

    pass_rate_target: Annotated[float, Field(gt=0, le=1)] = 0.90
    """Share of parts that should pass."""
    window_minutes: Annotated[int, Field(ge=1, le=1440)] = 15
    minimum_parts: Annotated[int, Field(ge=1)] = 20
    """Fewer parts in the window open and resolve nothing."""
    clear_margin: Annotated[float, Field(ge=0, le=1)] = 0.02
    """How far above the target the rate must rise for an alert to be over."""


class AlertingSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    rules: RuleSettings = RuleSettings()


def build(settings: AlertingSettings) -> Application:
    """Connects nothing."""
    bus, mongo = Service(NAME, settings.bus), Mongo(settings.mongo)
    alerts = Alerts(mongo)
    desk = Desk(bus, alerts, _now)
    watcher = Watcher(bus, Snapshots(mongo), alerts, desk, _rule(settings.rules), _now)
    bus.follows([inspection.PART_JUDGED], watcher.judged, after=watcher.place)
    bus.answers(alerting.LIST, desk.list)
    bus.answers(alerting.ACKNOWLEDGE, desk.acknowledge)
    return Application(
        bus,
        checks={"mongo": mongo.ping},
        resources=(mongo, watcher.remembering()),
        background=(watcher.watch,),
    )


def _rule(settings: RuleSettings) -> PassRateRule:
    return PassRateRule(
        target=settings.pass_rate_target,
        window_minutes=settings.window_minutes,
        minimum_parts=settings.minimum_parts,
        clear_margin=settings.clear_margin,
    )


def _now() -> datetime:
    return datetime.now(UTC)


SERVICE = ServiceDefinition(NAME, AlertingSettings, build)
