"""The bridge to SCADA, put together: OPC UA, MQTT and Modbus, each by itself."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import model_validator

from andon.contracts import alerting, fieldbus, inspection, opcua, station
from andon.contracts.opcua import GetStatus, ListServers, Servers, Status
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.conditions import Conditions
from andon.opcua_bridge.adapters.modbus import ModbusSettings
from andon.opcua_bridge.adapters.mqtt import MqttSettings
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.adapters.vision.systems import VisionSystems
from andon.opcua_bridge.handlers.access import Access
from andon.opcua_bridge.handlers.alarms import Alarms
from andon.opcua_bridge.handlers.certificates import TrustDesk
from andon.opcua_bridge.handlers.counting import Counting
from andon.opcua_bridge.handlers.fieldbus import Fieldbus
from andon.opcua_bridge.handlers.modbus import Panel
from andon.opcua_bridge.handlers.mqtt import Publisher
from andon.opcua_bridge.handlers.nodes import Nodes
from andon.opcua_bridge.handlers.noticing import Noticing
from andon.opcua_bridge.handlers.past import Past
from andon.opcua_bridge.handlers.servers import Reception
from andon.opcua_bridge.handlers.trouble import Trouble
from andon.opcua_bridge.handlers.vision import Vision
from andon.opcua_bridge.store import Confirmations, Halts, Marks, Moments, Shards, Snapshots
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Mongo, MongoSettings

NAME = "opcua-bridge"


class OpcuaBridgeSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    opcua: OpcuaSettings = OpcuaSettings()
    mqtt: MqttSettings = MqttSettings()
    modbus: ModbusSettings = ModbusSettings()

    @model_validator(mode="after")
    def _open_doors_in_the_demo_only(self) -> "OpcuaBridgeSettings":
        if self.opcua.anonymous and not (self.demo and self.opcua.loopback):
            raise ValueError("opcua.anonymous is for the demo, on a loopback address")
        return self


@dataclass
class _Parts:
    """What the doors bring along."""

    resources: list[AbstractAsyncContextManager[Any]] = field(
        default_factory=list[AbstractAsyncContextManager[Any]]
    )
    background: list[Callable[[], Awaitable[None]]] = field(
        default_factory=list[Callable[[], Awaitable[None]]]
    )


def build(settings: OpcuaBridgeSettings) -> Application:
    """Connects nothing."""
    bus = Service(NAME, settings.bus)
    if not (settings.opcua.enabled or settings.mqtt.enabled or settings.modbus.enabled):
        _answer_without_opcua(bus, settings)
        bus.answers(fieldbus.STATUS, Fieldbus().status)
        return Application(bus)
    mongo = Mongo(settings.mongo)
    counting = Counting(bus, Snapshots(mongo, settings.opcua.group), clock=_now)
    parts = _Parts([mongo], [counting.ask_stations, counting.keep])
    _opcua(bus, counting, mongo, settings, parts)
    bus.follows([inspection.PART_JUDGED], counting.judged, after=counting.place)
    bus.follows([station.CHANGED], counting.station_changed, after=_only_new)
    doors = Fieldbus(
        _mqtt(bus, counting, Marks(mongo), settings, parts), _modbus(bus, counting, settings, parts)
    )
    bus.answers(fieldbus.STATUS, doors.status)
    parts.background.append(Noticing(doors.standing, lambda: doors.say(bus)).run)
    return Application(
        bus,
        checks={"mongo": mongo.ping},
        resources=(*parts.resources, counting.remembering()),
        background=parts.background,
    )


def _opcua(
    bus: Service, counting: Counting, mongo: Mongo, settings: OpcuaBridgeSettings, parts: _Parts
) -> None:
    if not settings.opcua.enabled:
        _answer_without_opcua(bus, settings)
        return
    server = OpcuaServer(settings.opcua, settings.data / "opcua")
    nodes, access = Nodes(bus, server, counting), Access(bus, server)
    server.door = access.door()
    counting.changed, counting.renewed = nodes.show, nodes.show_all
    _answer(bus, server, Reception(server, Shards(mongo), _now), parts)
    _alarms(bus, server, mongo, parts)
    if settings.opcua.machine_vision:
        _vision(bus, server, counting, mongo, parts)
    if settings.opcua.history_days:
        past = Past(server, Moments(mongo), _now, settings.opcua.history_days)
        counting.noted, counting.kept_first = past.note, past.flush
        server.on_start.append(past.prepare)
        parts.background.append(past.prune)
    server.on_start.append(nodes.prepare)  # the last: what else a station shows is ready by then
    parts.resources.append(server)
    parts.background += [nodes.tick, server.watch, access.watch]


def _vision(bus: Service, server: OpcuaServer, counting: Counting, mongo: Mongo, parts: _Parts) -> None:
    systems = VisionSystems(server)
    vision = Vision(bus, systems, Halts(mongo), _now)
    vision.connect()
    counting.told, counting.station_told = vision.judged, vision.station_changed
    server.on_start.append(systems.prepare)
    server.on_station.append(systems.station_added)
    parts.background.append(vision.watch)


def _alarms(bus: Service, server: OpcuaServer, mongo: Mongo, parts: _Parts) -> None:
    conditions = Conditions(server)
    alarms = Alarms(bus, conditions, Confirmations(mongo), _now)
    alarms.connect()
    server.on_start.append(conditions.prepare)
    server.on_station.append(conditions.station_added)
    told = [alerting.OPENED, alerting.CHANGED, alerting.ACKNOWLEDGED, alerting.RESOLVED]
    bus.follows(told, alarms.heard, after=_only_new)
    parts.background.append(alarms.learn)


def _answer(bus: Service, server: OpcuaServer, reception: Reception, parts: _Parts) -> None:
    desk = TrustDesk(bus, server, _now)
    bus.answers(opcua.STATUS, reception.status)
    bus.answers(opcua.SERVERS, reception.servers)
    bus.answers(opcua.CERTIFICATES, desk.list)
    bus.answers(opcua.TRUST, desk.trust)
    bus.answers(opcua.REJECT, desk.reject)
    bus.answers(opcua.DELETE, desk.delete)
    parts.background += [
        Noticing(reception.clients, lambda: reception.say_clients(bus)).run,
        Noticing(server.trust.names, lambda: reception.say_certificates(bus)).run,
    ]
    if server.settings.group:
        parts.background.append(reception.tell)


def _mqtt(
    bus: Service, counting: Counting, marks: Marks, settings: OpcuaBridgeSettings, parts: _Parts
) -> Publisher | None:
    if not settings.mqtt.enabled:
        return None
    publisher = Publisher(bus, counting, marks, settings.mqtt, Trouble("mqtt", _now))
    publisher.follow()
    parts.resources.append(publisher.remembering())
    parts.background += [publisher.run, publisher.keep]
    return publisher


def _modbus(bus: Service, counting: Counting, settings: OpcuaBridgeSettings, parts: _Parts) -> Panel | None:
    if not settings.modbus.enabled:
        return None
    panel = Panel(bus, counting, settings.modbus, Trouble("modbus", _now))
    parts.background.append(panel.run)
    return panel


def _answer_without_opcua(bus: Service, settings: OpcuaBridgeSettings) -> None:
    away = OpcuaServer(settings.opcua, settings.data / "opcua")

    async def status(_query: GetStatus, _delivery: Delivery) -> Status:
        return Status(enabled=False, running=False, endpoint=away.endpoint, station_count=0, nodes=())

    async def servers(_query: ListServers, _delivery: Delivery) -> Servers:
        return Servers(servers=())

    bus.answers(opcua.STATUS, status)
    bus.answers(opcua.SERVERS, servers)


def _now() -> datetime:
    return datetime.now(UTC)


async def _only_new() -> int:
    return -1


SERVICE = ServiceDefinition(NAME, OpcuaBridgeSettings, build)
