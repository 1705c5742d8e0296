"""Alerting, put together."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.alerting.adapters import NotifySettings, Safe, Sender
from andon.alerting.domain.builtin import PassRate
from andon.alerting.handlers.channels import Switchboard
from andon.alerting.handlers.counting import PARTS, Counting
from andon.alerting.handlers.desk import Desk
from andon.alerting.handlers.groups import Groups
from andon.alerting.handlers.herald import Herald
from andon.alerting.handlers.leading import Leading
from andon.alerting.handlers.outbox import Outbox
from andon.alerting.handlers.plant import MODEL_EVENTS, QUEUE_EVENTS, Evidence, Fleet, Lines, Models
from andon.alerting.handlers.quiet import Quiet
from andon.alerting.handlers.rulebook import Rulebook
from andon.alerting.handlers.tidying import KeepSettings, Tidying
from andon.alerting.handlers.watching import Watcher
from andon.alerting.store.alerts import Alerts, Silences
from andon.alerting.store.notices import Notices
from andon.alerting.store.rollups import Leases, Rollups
from andon.alerting.store.rules import Channels, Rules
from andon.contracts import alerting, config, station
from andon.messaging import Current, Service
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Mongo, MongoSettings

NAME = "alerting"
Clock = Callable[[], datetime]


class RuleSettings(BaseModel):
    """When the pass rate is bad, as long as neither the configuration nor the rule says something else."""

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
    notify: NotifySettings = NotifySettings()
    keep: KeepSettings = KeepSettings()


class _Stores:
    """Everything that is kept, over one database."""

    def __init__(self, mongo: Mongo) -> None:
        self.rollups, self.rules, self.channels = Rollups(mongo), Rules(mongo), Channels(mongo)
        self.alerts, self.silences, self.notices = Alerts(mongo), Silences(mongo), Notices(mongo)
        self.leases = Leases(mongo)

    @asynccontextmanager
    async def prepared(self) -> AsyncIterator[None]:
        """With their indexes."""
        for each in (self.alerts, self.silences, self.rules, self.rollups, self.notices):
            await each.prepare()
        yield


def build(settings: AlertingSettings, clock: Clock = lambda: datetime.now(UTC)) -> Application:
    """Connects nothing."""
    bus, mongo = Service(NAME, settings.bus), Mongo(settings.mongo)
    stores, lines = _Stores(mongo), Lines(bus)
    leading, evidence = Leading(stores.leases), Evidence(bus)
    configuration = Current(
        bus, config.GET, config.GetDocument(), config.CHANGED, lambda document: document.order
    )
    rulebook = Rulebook(
        bus, stores.rules, stores.channels, stores.rollups, lines, _pass_rate(settings.rules),
        configuration.settled, clock, Herald(bus),
    )  # fmt: skip
    configuration.on_change.append(rulebook.go_by)
    configuration.follow()
    outbox = _outbox(bus, stores, settings.notify, rulebook, clock)
    desk = Desk(bus, stores.alerts, stores.silences, outbox, clock)
    watcher = _watcher(bus, stores, rulebook, desk, evidence, leading.leads)
    _answer_about_alerts(bus, desk, Quiet(stores.silences, outbox, clock, outbox.herald))
    _answer_about_rules(bus, rulebook)
    keep = settings.keep
    tidying = Tidying(stores.alerts, stores.notices, stores.rollups, leading.leads, clock, keep)
    return Application(
        bus,
        checks={"mongo": mongo.ping},
        resources=(mongo, stores.prepared(), leading.leaving(), watcher.remembering()),
        background=(
            configuration.read,
            leading.run,
            watcher.watch,
            lambda: outbox.run(leading.leads),
            lines.run,
            evidence.run,
            tidying.run,
        ),
    )


def _outbox(
    bus: Service, stores: _Stores, settings: NotifySettings, rulebook: Rulebook, clock: Clock
) -> Outbox:
    safe = Safe(settings.secret)
    outbox = Outbox(
        stores.channels, stores.notices, stores.alerts, stores.silences, Sender(settings), safe, clock,
        Herald(bus), rules=lambda: rulebook.all,
    )  # fmt: skip
    switchboard = Switchboard(
        stores.channels, stores.notices, outbox, safe, lambda: rulebook.all, clock, outbox.herald
    )
    _answer_about_channels(bus, switchboard)
    return outbox


def _watcher(  # noqa: PLR0913, PLR0917 - everything it looks at
    bus: Service, stores: _Stores, rulebook: Rulebook, desk: Desk, evidence: Evidence, leads: asyncio.Event
) -> Watcher:
    clock, rollups, lines = desk.clock, stores.rollups, rulebook.lines
    counting = Counting(bus, rollups, lines, clock, lambda: rulebook.all, rulebook.read)
    fleet, models = Fleet(bus, rollups, clock), Models(bus, rollups, clock)
    watcher = Watcher(counting, fleet, evidence, models, rulebook, desk, clock, leads)
    for source in (desk.outbox, fleet, models):
        source.news = watcher.look_at_all
    rulebook.on_change.append(watcher.look_at_all)
    bus.follows(PARTS, counting.count, after=counting.place)
    bus.follows(QUEUE_EVENTS, fleet.heard, after=fleet.place)
    bus.follows(MODEL_EVENTS, models.heard, after=models.place)
    bus.follows([station.CHANGED], lines.changed, after=_only_new)
    return watcher


def _answer_about_alerts(bus: Service, desk: Desk, quiet: Quiet) -> None:
    bus.answers(alerting.LIST, desk.listed)
    bus.answers(alerting.GET, desk.get)
    bus.answers(alerting.ACKNOWLEDGE, desk.acknowledge)
    bus.answers(alerting.RESOLVE, desk.resolve)
    bus.answers(alerting.COMMENT, desk.comment)
    groups = Groups(desk)
    bus.answers(alerting.GROUP_LIST, groups.listed)
    bus.answers(alerting.GROUP_ACKNOWLEDGE, groups.acknowledge)
    bus.answers(alerting.SILENCE_ADD, quiet.add)
    bus.answers(alerting.SILENCE_END, quiet.end)
    bus.answers(alerting.SILENCE_LIST, quiet.listed)


def _answer_about_rules(bus: Service, rulebook: Rulebook) -> None:
    bus.answers(alerting.RULE, rulebook.told)
    bus.answers(alerting.RULE_LIST, rulebook.listed)
    bus.answers(alerting.RULE_READ, rulebook.one)
    bus.answers(alerting.RULE_PUT, rulebook.put)
    bus.answers(alerting.RULE_DELETE, rulebook.delete)
    bus.answers(alerting.RULE_PREVIEW, rulebook.preview, workers=2)
    bus.answers(alerting.RULE_HISTORY, rulebook.history)


def _answer_about_channels(bus: Service, switchboard: Switchboard) -> None:
    bus.answers(alerting.CHANNEL_LIST, switchboard.listed)
    bus.answers(alerting.CHANNEL_PUT, switchboard.put)
    bus.answers(alerting.CHANNEL_DELETE, switchboard.delete)
    bus.answers(alerting.CHANNEL_TEST, switchboard.test)
    bus.answers(alerting.NOTICE_LIST, switchboard.sent)
    bus.answers(alerting.NOTICE_RETRY, switchboard.retry)


def _pass_rate(settings: RuleSettings) -> PassRate:
    return PassRate(
        target=settings.pass_rate_target,
        window_minutes=settings.window_minutes,
        minimum_parts=settings.minimum_parts,
        clear_margin=settings.clear_margin,
    )


async def _only_new() -> int:
    return -1


SERVICE = ServiceDefinition(NAME, AlertingSettings, build)
