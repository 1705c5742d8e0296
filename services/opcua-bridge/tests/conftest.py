"""Fixtures of the fieldbus tests."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from andon.contracts import Message, camera, station
from andon.messaging import BusSettings, Delivery, Service
from andon.opcua_bridge.adapters.server import OpcuaSettings
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.storage import MongoSettings
from andon.testing import Servers, build

sys.path.insert(0, str(Path(__file__).parent))

from fieldbus_plant import Line, Mosquitto, Subscriber, program


@pytest.fixture
def broker(servers: Servers) -> Iterator[Mosquitto]:
    program("mosquitto")
    broker = Mosquitto(servers.fresh_folder("mosquitto"))
    broker.server.start()
    yield broker
    broker.server.kill()


@pytest.fixture
def scada(broker: Mosquitto) -> Iterator[Subscriber]:
    subscriber = Subscriber(broker.port)
    subscriber.connect()
    yield subscriber
    subscriber.close()


@pytest.fixture
async def line(bus_settings: BusSettings) -> AsyncIterator[Line]:
    line = Line(Service("inspection", bus_settings))
    line.bus.answers(station.LIST, _stations)
    line.bus.answers(camera.CAPTURE, line.capture)
    async with line.bus:
        yield line


async def _stations(_query: Message, _delivery: Delivery) -> station.Stations:
    return station.Stations(stations=(build.station(id="default"), build.station(id="line-1")))


@pytest.fixture
def bare(bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path) -> OpcuaBridgeSettings:
    """A bridge without OPC UA; a test adds what it is about."""
    return OpcuaBridgeSettings(
        bus=bus_settings, mongo=mongo_settings, data=tmp_path, opcua=OpcuaSettings(enabled=False)
    )
