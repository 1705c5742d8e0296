"""The bridge is killed while parts come: a client of another make goes on, and no part is lost or doubled."""

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

from andon.contracts.inspection import Decision
from andon.messaging import BusSettings
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.opcua_bridge.store import Snapshots
from andon.runtime.embedded import LOOPBACK, free_ports
from andon.storage import Mongo, MongoSettings
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))

from opcua_line import Line, bridge, connect, line, needs_node, part, trusted_client

pytestmark = pytest.mark.timeout(280)

PARTS, CYCLE = 400, (Decision.PASS, Decision.PASS, Decision.FAIL, Decision.PASS, Decision.UNCERTAIN)
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


async def _say(around: Line, numbers: range) -> None:
    for number in numbers:
        await around.judge(part(f"k-{number}", CYCLE[number % len(CYCLE)]))
        await asyncio.sleep(0.005)


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
        expected = {
            name: sum(CYCLE[number % len(CYCLE)] is decision for number in range(PARTS))
            for decision, name in NAMES.items()
        }
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
            async with Mongo(mongo_settings) as mongo:

                async def saved() -> bool:
                    kept = (await Snapshots(mongo).load()).stations.get("line-1")
                    assert kept is not None
                    assert (kept.passed, kept.failed, kept.uncertain) == (
                        expected["PassCount"] + 3, expected["FailCount"] + 1, expected["UncertainCount"] + 1,
                    )  # fmt: skip
                    return True

                await eventually(saved)
