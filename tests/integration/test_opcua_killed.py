"""Bridge or broker stop while parts come: a client of another make goes on, no part is lost or doubled."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL

import pytest
from pydantic_core import to_json

from andon.contracts import Unavailable
from andon.contracts.inspection import Decision
from andon.messaging import BusSettings
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.opcua_bridge.store import Snapshots
from andon.runtime.embedded import LOOPBACK, free_ports
from andon.storage import Mongo, MongoSettings
from andon.testing import Restartable, eventually

sys.path.insert(0, str(Path(__file__).parent))

from opcua_line import Line, bridge, connect, line, needs_node, part, trusted_client

pytestmark = [pytest.mark.timeout(280), pytest.mark.long]

PARTS, CYCLE = 400, (Decision.PASS, Decision.PASS, Decision.FAIL, Decision.PASS, Decision.UNCERTAIN)
SERVICE_LEVEL = "i=2267"
NAMES = {Decision.PASS: "PassCount", Decision.FAIL: "FailCount", Decision.UNCERTAIN: "UncertainCount"}


def _environment(settings: OpcuaBridgeSettings) -> dict[str, str]:
    """The same settings, for a process of its own."""
    blocks = {name: getattr(settings, name) for name in ("bus", "mongo", "opcua")}
    told = {
        f"ANDON_{name.upper()}": to_json(block.model_dump(mode="json")).decode()
        for name, block in blocks.items()
    }
    return {**os.environ, **told, "ANDON_DATA": str(settings.data), "ANDON_HEALTH__PORT": "0"}


@asynccontextmanager
async def _running(settings: OpcuaBridgeSettings) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "opcua-bridge",
        env=_environment(settings), stdout=DEVNULL, stderr=DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def _listening(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


def _stands(pid: int) -> bool:
    """Every thread of it: one that still runs would pass a part on."""
    states = [
        (task / "stat").read_text().rpartition(")")[2].split()[0]
        for task in Path(f"/proc/{pid}/task").iterdir()
    ]
    return set(states) == {"T"}


async def _say(around: Line, numbers: range) -> None:
    for number in numbers:
        while True:
            try:
                await around.judge(part(f"k-{number}", CYCLE[number % len(CYCLE)]))
            except Unavailable:
                continue  # as the inspector does, which then may say it twice
            break
        await asyncio.sleep(0.005)


def _counts(parts: int) -> dict[str, int]:
    return {
        name: sum(CYCLE[number % len(CYCLE)] is decision for number in range(parts))
        for decision, name in NAMES.items()
    }


async def _kept(mongo_settings: MongoSettings, expected: dict[str, int]) -> bool:
    async with Mongo(mongo_settings) as mongo:
        kept = (await Snapshots(mongo).load()).stations.get("line-1")
    assert kept is not None
    found = {"PassCount": kept.passed, "FailCount": kept.failed, "UncertainCount": kept.uncertain}
    assert found == expected
    return True


async def test_a_killed_bridge_comes_back_with_the_same_counts_and_its_clients(
    bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path
) -> None:
    needs_node()
    (port,) = free_ports(1)
    settings = bridge(bus_settings, mongo_settings, tmp_path / "data", port=port)
    async with line(bus_settings) as around, trusted_client(tmp_path / "client", settings.data) as client:
        async with _running(settings):
            await eventually(lambda: _listening(port), within=60)
            ours = await connect(client, f"opc.tcp://{LOOPBACK}:{port}/andon")
            nodes = {name: f"{ours}station/line-1/{name}" for name in NAMES.values()}
            await client.ask("subscribe", nodes=list(nodes.values()), interval=50)
            saying = asyncio.create_task(_say(around, range(PARTS)))
            await eventually(lambda: len(client.values(nodes["PassCount"])) > PARTS // 8, within=30)
        # kill -9, while parts go on coming
        assert not saying.done()
        client.events.clear()
        await asyncio.wait_for(saying, 60)
        await _say(around, range(10))  # what a restarted inspector says again
        expected = _counts(PARTS)
        async with _running(settings):

            def resumed() -> bool:
                seen = {name: client.values(node)[-1:] for name, node in nodes.items()}
                assert seen == {name: [count] for name, count in expected.items()}
                return True

            await eventually(resumed, within=90)
            await _say(around, range(PARTS, PARTS + 5))
            await eventually(
                lambda: client.values(nodes["PassCount"])[-1] == expected["PassCount"] + 3, within=20
            )
            await eventually(lambda: _kept(mongo_settings, _counts(PARTS + 5)))


async def test_what_a_paused_broker_held_back_and_then_replays_counts_once(
    nats_process: Restartable[str], bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path
) -> None:
    needs_node()
    (port,) = free_ports(1)
    settings = bridge(bus_settings, mongo_settings, tmp_path / "data", port=port)
    async with (
        line(bus_settings) as around,
        trusted_client(tmp_path / "client", settings.data) as client,
        _running(settings),
    ):
        await eventually(lambda: _listening(port), within=60)
        ours = await connect(client, f"opc.tcp://{LOOPBACK}:{port}/andon")
        nodes = {name: f"{ours}station/line-1/{name}" for name in NAMES.values()}

        async def shows(level: int, status: str, expected: dict[str, int]) -> bool:
            assert (await client.ask("read", node=SERVICE_LEVEL))["value"] == level
            found = {name: await client.ask("read", node=node) for name, node in nodes.items()}
            assert {name: (each["value"], each["status"]) for name, each in found.items()} == {
                name: (count, status) for name, count in expected.items()
            }
            return True

        await _say(around, range(PARTS // 2))
        await eventually(lambda: shows(255, "Good", _counts(PARTS // 2)), within=30)
        await client.ask("subscribe", nodes=list(nodes.values()), interval=50)
        broker = nats_process.server.pid
        assert broker is not None
        os.kill(broker, signal.SIGSTOP)
        try:
            await eventually(lambda: _stands(broker))
            saying = asyncio.create_task(_say(around, range(PARTS // 2, PARTS)))
            stale = "UncertainLastUsableValue"
            await eventually(lambda: shows(50, stale, _counts(PARTS // 2)), within=30)
        finally:
            os.kill(broker, signal.SIGCONT)
        await asyncio.wait_for(saying, 60)
        await _say(around, range(PARTS))  # all of it once more, at other places of the stream
        await eventually(lambda: shows(255, "Good", _counts(PARTS)), within=60)
        assert {name: client.values(node)[-1] for name, node in nodes.items()} == _counts(PARTS)
        for node in nodes.values():
            seen = client.values(node)
            assert seen == sorted(seen), "a count went back"
        await eventually(lambda: _kept(mongo_settings, _counts(PARTS)))
