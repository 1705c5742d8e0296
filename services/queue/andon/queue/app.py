"""The queue, put together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated

from pydantic import BaseModel, Field

from andon.contracts import queue, workspace
from andon.messaging import Service
from andon.queue.domain.said import Said
from andon.queue.handlers.board import Board
from andon.queue.handlers.caretaker import Caretaker
from andon.queue.handlers.desk import Desk
from andon.queue.handlers.figures import Figures
from andon.queue.handlers.fleet import Fleet
from andon.queue.handlers.house import House
from andon.queue.handlers.intake import Intake
from andon.queue.handlers.leasing import Leasing
from andon.queue.handlers.relay import Relay
from andon.queue.handlers.repeating import Repeating
from andon.queue.handlers.rules import Rules
from andon.queue.handlers.timetable import Timetable
from andon.queue.handlers.working import Work
from andon.queue.handlers.workspace import Shelf
from andon.queue.store.clock import DatabaseClock
from andon.queue.store.counts import Counts
from andon.queue.store.devices import Devices
from andon.queue.store.jobs import Jobs
from andon.queue.store.kept import Kept
from andon.queue.store.lists import Lists
from andon.queue.store.records import Records
from andon.queue.store.workspace import Workspace
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Mongo, MongoSettings

NAME = "queue"
_LEASES = 4096
"""Devices that may wait for work at once, in one process."""


class EngineSettings(BaseModel):
    """What one process does; how jobs are shared out is kept in the database."""

    look_seconds: Annotated[float, Field(gt=0)] = 0.5
    """Between two looks at what time has come for."""
    heartbeat_seconds: Annotated[float, Field(gt=0)] = 10
    """What devices are told."""
    batch: Annotated[int, Field(ge=1, le=1000)] = 64
    """Writes of one round trip at most."""
    lanes: Annotated[int, Field(ge=1, le=32)] = 2
    """Round trips at once."""


class QueueServiceSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    engine: EngineSettings = EngineSettings()


def local_time() -> datetime:
    """This machine's own."""
    return datetime.now(UTC)


def build(
    settings: QueueServiceSettings,
    clock: Callable[[], datetime] | None = None,
    *,
    local: Callable[[], datetime] = local_time,
) -> Application:
    """Connects nothing. Without a clock of its own the engine goes by the database's."""
    bus, mongo, engine = Service(NAME, settings.bus), Mongo(settings.mongo), settings.engine
    shared = DatabaseClock(mongo, local)
    clock = clock or shared
    said, kept, devices, records = Said(), Kept(mongo), Devices(mongo), Records(mongo)
    jobs = Jobs(mongo, said, batch=engine.batch, lanes=engine.lanes)
    rules, board, relay = Rules(kept), Board(jobs, clock), Relay(bus, jobs, said, clock)
    intake = Intake(jobs, board, relay, rules, clock)
    work = Work(bus, jobs, records, board, relay, rules, clock)
    fleet = Fleet(bus, devices, jobs, work, clock, engine.heartbeat_seconds)
    figures = Figures(bus, kept, Counts(jobs), jobs, fleet, board, clock)
    timetable = Timetable(kept, jobs, intake, clock)
    caretaker = Caretaker(jobs, records, board, relay, rules, fleet, timetable, clock, engine.look_seconds)
    leasing = Leasing(jobs, devices, board, relay, rules, clock)
    desk = Desk(jobs, Lists(jobs), board, relay, rules, lambda: figures.tally, clock)
    kept_workspace = Workspace(mongo)
    house = House(kept, rules, board, lambda: figures.tally, clock)

    bus.follows(
        [queue.JOB_CHANGED, queue.JOB_DELETED, queue.DEVICE_CHANGED], figures.heard, after=figures.place
    )
    _answer_people(bus, intake, desk, caretaker, Repeating(jobs, records, kept_workspace, intake, clock))
    _answer_workers(bus, leasing, work, fleet)
    _answer_operators(bus, figures, house, timetable)
    _answer_owners(bus, Shelf(kept_workspace, clock))
    return Application(
        bus,
        checks={"mongo": mongo.ping},
        resources=(
            mongo,
            shared.kept_right(),
            _prepared(jobs, records, kept_workspace),
            figures.remembering(),
        ),
        background=(
            board.begin,
            board.keep_time,
            relay.trim,
            caretaker.look,
            figures.save,
            shared.keep,
        ),
    )


def _answer_people(
    bus: Service, intake: Intake, desk: Desk, caretaker: Caretaker, repeating: Repeating
) -> None:
    bus.answers(queue.SUBMIT, intake.submit, workers=1024)
    bus.answers(queue.SUBMIT_MANY, intake.submit_many)
    bus.answers(queue.GET, desk.get)
    bus.answers(queue.LIST, desk.list)
    bus.answers(queue.HISTORY, desk.history)
    bus.answers(queue.CANCEL, desk.cancel)
    bus.answers(queue.PAUSE, desk.pause)
    bus.answers(queue.RESUME, desk.resume)
    bus.answers(queue.PRIORITISE, desk.prioritise)
    bus.answers(queue.EDIT, desk.edit)
    bus.answers(queue.MOVE, desk.move)
    bus.answers(queue.DELETE, desk.delete)
    bus.answers(queue.CLEAN, caretaker.clean)
    bus.answers(queue.RECORD, repeating.record)
    bus.answers(queue.REPEAT, repeating.repeat)


def _answer_workers(bus: Service, leasing: Leasing, work: Work, fleet: Fleet) -> None:
    bus.answers(queue.LEASE, leasing.lease, workers=_LEASES)
    bus.answers(queue.REPORT, work.report, workers=1024)
    bus.answers(queue.REPORT_MANY, work.report_many)
    bus.answers(queue.HEARTBEAT, fleet.heartbeat)
    bus.answers(queue.DEVICE_GET, fleet.get)
    bus.answers(queue.DEVICE_LIST, fleet.listed)
    bus.answers(queue.DEVICE_DELETE, fleet.delete)


def _answer_operators(bus: Service, figures: Figures, house: House, timetable: Timetable) -> None:
    bus.answers(queue.STATISTICS, figures.read)
    bus.answers(queue.SETTINGS_GET, house.settings)
    bus.answers(queue.SETTINGS_PUT, house.set)
    bus.answers(queue.QUEUE_LIST, house.queues)
    bus.answers(queue.QUEUE_PUT, house.put)
    bus.answers(queue.QUEUE_DELETE, house.delete)
    bus.answers(queue.SCHEDULE_LIST, timetable.listed)
    bus.answers(queue.SCHEDULE_PUT, timetable.put)
    bus.answers(queue.SCHEDULE_DELETE, timetable.delete)


def _answer_owners(bus: Service, shelf: Shelf) -> None:
    bus.answers(workspace.EXPERIMENT_CREATE, shelf.create)
    bus.answers(workspace.EXPERIMENT_LIST, shelf.experiments)
    bus.answers(workspace.EXPERIMENT_SETTLE, shelf.settle)
    bus.answers(workspace.ARCHIVE_REGISTER, shelf.register)
    bus.answers(workspace.ARCHIVE_FIND, shelf.find)
    bus.answers(workspace.ARCHIVE_LIST, shelf.archives)
    bus.answers(workspace.SECRET_KEEP, shelf.keep)
    bus.answers(workspace.SECRET_FIND, shelf.secrets)
    bus.answers(workspace.SECRET_FORGET, shelf.forget)


@asynccontextmanager
async def _prepared(*stores: Jobs | Records | Workspace) -> AsyncIterator[None]:
    for store in stores:
        await store.prepare()
    yield


SERVICE = ServiceDefinition(NAME, QueueServiceSettings, build)
