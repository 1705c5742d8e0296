"""A pytest plugin: real NATS, Mongo and S3 servers, started when a test first asks for them."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
import pytest_asyncio
from pydantic import SecretStr

from andon.runtime.embedded import Server
from andon.testing._restartable import Restartable
from andon.testing._servers import S3Address, Servers
from andon.testing._streams import forget_streams
from andon.testing._triton import TritonAddress

if TYPE_CHECKING:
    from andon.messaging import BusSettings
    from andon.storage import MongoSettings, S3Settings

A = TypeVar("A")

_SERVERS = pytest.StashKey[Servers]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("andon")
    group.addoption(
        "--containers", action="store_true", help="run the servers in containers (needs a Docker engine)"
    )
    group.addoption("--long", action="store_true", help="run the tests that take tens of seconds, too")
    group.addoption("--slow", action="store_true", help="run the tests that take minutes, too")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_SERVERS] = Servers(containers=bool(config.getoption("--containers")))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for length in ("long", "slow"):
        if not config.getoption(f"--{length}"):
            skip = pytest.mark.skip(reason=f"{length}: run with --{length}")
            for item in items:
                if item.get_closest_marker(length):
                    item.add_marker(skip)


def pytest_unconfigure(config: pytest.Config) -> None:
    if _SERVERS in config.stash:
        config.stash[_SERVERS].end()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Let a worker of pytest-xdist tell which servers it used: only its parent prints a summary."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["servers"] = dict(session.config.stash[_SERVERS].used)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:  # noqa: ARG001 - the hook's own names
    node.config.stash[_SERVERS].used.update(getattr(node, "workeroutput", {}).get("servers", {}))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    used = config.stash[_SERVERS].used
    if used:
        terminalreporter.section("servers")
        for need, by in sorted(used.items()):
            terminalreporter.line(f"{need}: {by}")


@pytest.fixture(scope="session")
def servers(pytestconfig: pytest.Config) -> Servers:
    """The session's servers; the fixtures below are the usual way to them."""
    return pytestconfig.stash[_SERVERS]


@pytest.fixture(scope="session")
def nats_url(servers: Servers) -> str:
    """A NATS server with JetStream, shared by the session."""
    return servers.nats_url()


@pytest.fixture(scope="module", autouse=True)
def _mongo_of_this_file(servers: Servers) -> Iterator[None]:  # pyright: ignore[reportUnusedFunction]
    # What other files left in it slows none down.
    yield
    servers.retire("mongo")


@pytest.fixture(scope="module")
def mongo_uri(servers: Servers) -> str:
    """A Mongo server, shared by a file of tests."""
    return servers.mongo_uri()


@pytest.fixture(scope="session")
def s3_settings(servers: Servers) -> S3Address:
    """Where an S3 store is, shared by the session; `blob_settings` adds a bucket of the test's own."""
    return servers.s3()


@pytest.fixture(scope="module")
def triton(servers: Servers) -> Iterator[TritonAddress]:
    """A Triton server on the processor, shared by a file of tests; skips where none is installed."""
    yield servers.triton()
    servers.retire("triton")


@pytest.fixture
def triton_process(servers: Servers) -> Iterator[Restartable[TritonAddress]]:
    """A Triton server of the test's own, running."""
    yield from _own(*servers.fresh_triton())


@pytest.fixture
def nats_process(servers: Servers) -> Iterator[Restartable[str]]:
    """A nats-server of the test's own, running; `bus_settings` of the same test points at it."""
    yield from _own(*servers.fresh_nats())


@pytest.fixture
def mongo_process(servers: Servers) -> Iterator[Restartable[str]]:
    """A Mongo server of the test's own, running; `mongo_settings` of the same test points at it."""
    yield from _own(*servers.fresh_mongo())


@pytest.fixture
def s3_process(servers: Servers) -> Iterator[Restartable[S3Address]]:
    """An S3 server of the test's own, running; `blob_settings` of the same test points at it."""
    yield from _own(*servers.fresh_s3())


def _own(server: Server, address: A) -> Iterator[Restartable[A]]:
    try:
        server.start()
        yield Restartable(server, address)
    finally:
        server.kill()


@pytest_asyncio.fixture
async def bus_settings(request: pytest.FixtureRequest, servers: Servers) -> AsyncIterator["BusSettings"]:
    """A bus with Andon's streams and nothing in them."""
    from andon.messaging import BusSettings, declare_topology  # noqa: PLC0415 - only tests of the bus pay for it

    if "nats_process" in request.fixturenames or not servers.shares("nats"):
        url = request.getfixturevalue("nats_process").address
    else:
        url = servers.nats_url()
        await forget_streams(url)
    settings = BusSettings(url=url)
    await declare_topology(settings)
    yield settings


@pytest.fixture
def mongo_settings(request: pytest.FixtureRequest, servers: Servers) -> "MongoSettings":
    """Databases under a prefix of the test's own."""
    from andon.storage import MongoSettings  # noqa: PLC0415 - only tests of storage pay for it

    own = "mongo_process" in request.fixturenames
    uri = request.getfixturevalue("mongo_process").address if own else servers.mongo_uri()
    return MongoSettings(uri=uri, prefix=f"t{secrets.token_hex(5)}")


@pytest.fixture
def blob_settings(request: pytest.FixtureRequest, servers: Servers) -> "S3Settings":
    """A bucket name of the test's own; `Blobs.prepare` makes the bucket."""
    from andon.storage import S3Settings  # noqa: PLC0415 - only tests of storage pay for it

    own = "s3_process" in request.fixturenames
    address: S3Address = request.getfixturevalue("s3_process").address if own else servers.s3()
    return S3Settings(
        endpoint=address.endpoint,
        access_key=address.access_key,
        secret_key=SecretStr(address.secret_key),
        secure=address.secure,
        bucket=f"test-{secrets.token_hex(6)}",
    )
