"""A real gateway with the real auth, queue and sync behind it."""

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from andon.auth.app import SERVICE as AUTH
from andon.auth.app import AuthSettings
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings, WebSettings
from andon.gateway.limits import LimitSettings
from andon.messaging import BusSettings, Service
from andon.queue.app import SERVICE as QUEUE
from andon.queue.app import EngineSettings, QueueServiceSettings, build
from andon.runtime import HttpSettings, ServiceDefinition, serving
from andon.security import PasswordCost
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.sync.app import SERVICE as SYNC
from andon.sync.app import SyncSettings

sys.path.insert(0, str(Path(__file__).parent))
from helper_plant import Clock, Plant


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, blob_settings: S3Settings
) -> AsyncIterator[Plant]:
    cheap, clock = PasswordCost(passes=1, memory_kib=8), Clock()
    gateway = GatewaySettings(
        bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=HttpSettings(port=0, drain=1),
        web=WebSettings(beat_seconds=0.3), limits=LimitSettings(others_per_minute=10_000, patience=10),
    )  # fmt: skip
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
    engine = ServiceDefinition(QUEUE.name, QUEUE.settings, lambda settings: build(settings, clock))
    async with AsyncExitStack() as stack:
        auth = AuthSettings(bus=bus_settings, mongo=mongo_settings, passwords=cheap, demo=True)
        await stack.enter_async_context(serving(AUTH, auth))
        looks = EngineSettings(look_seconds=0.1)
        jobs = QueueServiceSettings(bus=bus_settings, mongo=mongo_settings, engine=looks)
        await stack.enter_async_context(serving(engine, jobs))
        files = SyncSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings)
        await stack.enter_async_context(serving(SYNC, files))
        running = await stack.enter_async_context(serving(GATEWAY, gateway))
        bus = await stack.enter_async_context(Service("gateway", bus_settings))
        url = f"http://127.0.0.1:{running.http_port}"
        admin = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=40))
        body = {"username": "admin", "password": "admin"}
        answer = await admin.post("/api/v1/auth/login", json=body)
        assert answer.status_code == 200, answer.text
        admin.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        plant = Plant(url, admin, bus, clock)
        yield plant
        for client in plant.clients:
            await client.aclose()
