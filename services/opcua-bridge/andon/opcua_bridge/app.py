"""The OPC UA bridge, put together."""

from datetime import UTC, datetime

from pydantic import model_validator

from andon.contracts import inspection, opcua, station
from andon.contracts.opcua import GetStatus, Status
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.server import OpcuaServer, OpcuaSettings
from andon.opcua_bridge.handlers import Bridge
from andon.opcua_bridge.store import Snapshots
from andon.runtime import Application, ServiceDefinition, Settings
from andon.storage import Mongo, MongoSettings

NAME = "opcua-bridge"


class OpcuaBridgeSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    opcua: OpcuaSettings = OpcuaSettings()

    @model_validator(mode="after")
    def _open_doors_in_the_demo_only(self) -> "OpcuaBridgeSettings":
        if self.opcua.anonymous and not (self.demo and self.opcua.loopback):
            raise ValueError("opcua.anonymous is for the demo, on a loopback address")
        return self


def build(settings: OpcuaBridgeSettings) -> Application:
    """Connects nothing."""
    return _serving(settings) if settings.opcua.enabled else _disabled(settings)


def _serving(settings: OpcuaBridgeSettings) -> Application:
    bus, mongo = Service(NAME, settings.bus), Mongo(settings.mongo)
    server = OpcuaServer(settings.opcua, settings.data / "opcua")
    bridge = Bridge(bus, Snapshots(mongo), server, clock=lambda: datetime.now(UTC))
    server.authenticate = bridge.authenticate
    bus.follows([inspection.PART_JUDGED], bridge.judged, after=bridge.place)
    bus.follows([station.CHANGED], bridge.station_changed, after=_only_new)
    bus.answers(opcua.STATUS, bridge.status)
    return Application(
        bus,
        checks={"mongo": mongo.ping},
        resources=(mongo, server, bridge.remembering()),
        background=(bridge.ask_stations, bridge.tick, bridge.keep),
    )


def _disabled(settings: OpcuaBridgeSettings) -> Application:
    bus = Service(NAME, settings.bus)
    away = OpcuaServer(settings.opcua, settings.data / "opcua")

    async def status(_query: GetStatus, _delivery: Delivery) -> Status:
        return Status(enabled=False, running=False, endpoint=away.endpoint, station_count=0, nodes=())

    bus.answers(opcua.STATUS, status)
    return Application(bus)


async def _only_new() -> int:
    return -1


SERVICE = ServiceDefinition(NAME, OpcuaBridgeSettings, build)
