"""A real auth on a real bus and database, and the gateway's place beside it."""

from collections.abc import AsyncIterator

import pytest

from andon.auth.app import SERVICE, AuthSettings
from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import Mongo, MongoSettings

from .auth_people import CHEAP


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings) -> AuthSettings:
    return AuthSettings(bus=bus_settings, mongo=mongo_settings, passwords=CHEAP, demo=True)


@pytest.fixture
async def mongo(mongo_settings: MongoSettings) -> AsyncIterator[Mongo]:
    async with Mongo(mongo_settings) as mongo:
        yield mongo


@pytest.fixture
async def gateway(bus_settings: BusSettings) -> AsyncIterator[Service]:
    async with Service("gateway", bus_settings) as bus:
        yield bus


@pytest.fixture
async def running(settings: AuthSettings) -> AsyncIterator[None]:
    async with serving(SERVICE, settings):
        yield
