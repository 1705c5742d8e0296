"""Sync on a real bus, a real database and a real object store."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from andon.messaging import BusSettings, Service
from andon.runtime import serving
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.sync.app import SERVICE, EngineSettings, SyncSettings

sys.path.insert(0, str(Path(__file__).parent))
from sync_line import Line


@pytest.fixture
def settings(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings
) -> SyncSettings:
    engine = EngineSettings(garbage_minutes=0, clean_seconds=0.2)
    return SyncSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, engine=engine)


@pytest.fixture
async def service(settings: SyncSettings) -> AsyncIterator[None]:
    async with serving(SERVICE, settings):
        yield


@pytest.fixture
async def line(service: None, settings: SyncSettings) -> AsyncIterator[Line]:
    async with Service("gateway", settings.bus) as bus, Blobs(settings.s3) as blobs:
        yield Line(bus, blobs)
