"""One Andon per module: a real gateway with a real auth and a real queue behind it; a key for each test."""

import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from andon.auth.app import SERVICE as AUTH
from andon.auth.app import AuthSettings
from andon.messaging import BusSettings, Service, declare_topology
from andon.queue.app import SERVICE as QUEUE
from andon.queue.app import EngineSettings, QueueServiceSettings
from andon.runtime import serving
from andon.security import PasswordCost
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.testing import eventually
from andon.testing._servers import Servers

sys.path.insert(0, str(Path(__file__).parent))
from ml_worker_api import Api, Place, Worker


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of a module share its Andon's event loop."""
    for item in items:
        if item.path.parent == Path(__file__).parent and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="module"), append=False)


@pytest.fixture(scope="module")
def place(servers: Servers) -> Iterator[Place]:
    """A broker of the module's own; database and object store are shared by the session."""
    broker, url = servers.fresh_nats()
    s3, mark = servers.s3(), secrets.token_hex(5)
    try:
        broker.start()
        yield Place(
            bus=BusSettings(url=url),
            mongo=MongoSettings(uri=servers.mongo_uri(), prefix=f"t{mark}"),
            s3=S3Settings(
                endpoint=s3.endpoint, access_key=s3.access_key, secret_key=SecretStr(s3.secret_key),
                secure=s3.secure, bucket=f"test-{mark}",
            ),
        )  # fmt: skip
    finally:
        broker.kill()


async def _token(client: httpx.AsyncClient) -> str:
    answer = await client.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"})
    assert answer.status_code == 200, answer.text
    return f"Bearer {answer.json()['access_token']}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(place: Place) -> AsyncIterator[Api]:
    await declare_topology(place.bus)
    async with AsyncExitStack() as stack:
        blobs = await stack.enter_async_context(Blobs(place.s3))
        await blobs.prepare()
        cheap = PasswordCost(passes=1, memory_kib=8)
        auth = AuthSettings(bus=place.bus, mongo=place.mongo, passwords=cheap, demo=True)
        await stack.enter_async_context(serving(AUTH, auth))
        engine = EngineSettings(look_seconds=0.1, heartbeat_seconds=1)
        settings = QueueServiceSettings(bus=place.bus, mongo=place.mongo, engine=engine)
        await stack.enter_async_context(serving(QUEUE, settings))
        url = await stack.enter_async_context(place.gateway())
        admin = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=15))
        admin.headers["Authorization"] = await eventually(lambda: _token(admin), 20, every=0.2)
        bus = await stack.enter_async_context(Service("agent", place.bus))
        yield Api(url, admin, bus, blobs)


@pytest_asyncio.fixture(loop_scope="module")
async def client(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """With a key that may submit and see tasks; afterwards nothing is left in any list of work."""
    async with api.client((await api.key())[1]) as client:
        yield client
    await api.clear()


@pytest.fixture
def worker(api: Api) -> Worker:
    return Worker(api.bus)
