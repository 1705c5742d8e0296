"""A client of a third make, over a C stack: what node-opcua and asyncua agree on may still be wrong."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from andon.contracts.inspection import Decision
from andon.contracts.opcua import CertificateState, CertificateUse
from andon.messaging import BusSettings
from andon.opcua_bridge.adapters.server import NAMESPACE, OpcuaServer
from andon.opcua_bridge.app import SERVICE
from andon.runtime import serving
from andon.storage import MongoSettings
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[2] / "services" / "opcua-bridge" / "tests"))

from opcua_line import OLGA, Line, bridge, line, part
from opcua_plant import identity

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]

PYTHON = Path(__file__).parents[2] / ".venv-open62541" / "bin" / "python"
CLIENT = Path(__file__).parent / "open62541_client" / "client.py"
BAD_SECURITY_CHECKS_FAILED, BAD_USER_ACCESS_DENIED = 0x80130000, 0x801F0000
BAD_CERTIFICATE_UNTRUSTED = 0x801A0000
SEED = {
    "LastDecision": "fail", "LastConfidence": 0.75, "ObjectsFound": 2, "CycleTimeMs": 12.5, "PassCount": 2,
    "FailCount": 1, "UncertainCount": 0,
}  # fmt: skip


@dataclass
class Plant:
    line: Line
    server: OpcuaServer
    folder: Path


@dataclass
class Said:
    """What the clients have said so far."""

    lines: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def of(self, client: str, what: str) -> list[Any]:
        return [each[what] for each in self.lines if each["client"] == client and what in each]

    async def read(self, source: asyncio.StreamReader) -> None:
        while line := await source.readline():
            if line.startswith(b"{"):  # before, there is a banner
                self.lines.append(json.loads(line))


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path
) -> AsyncIterator[Plant]:
    if not PYTHON.exists():
        pytest.skip("open62541 is not there: scripts/setup --tests installs it")
    settings = bridge(bus_settings, mongo_settings, tmp_path)
    async with line(bus_settings) as around, serving(SERVICE, settings) as running:
        server: OpcuaServer = running.application.resources[1]  # type: ignore[assignment]
        server.trust.trust(identity("panel").der, CertificateUse.CLIENT, None)
        yield Plant(around, server, tmp_path)


@asynccontextmanager
async def clients(plant: Plant, **differences: dict[str, str]) -> AsyncIterator[Said]:
    """By name, each with what is different about it."""
    wanted = [_wanted(plant, name, **different) for name, different in differences.items()]
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), str(CLIENT), json.dumps(wanted), stdin=PIPE, stdout=PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    said = Said()
    assert process.stdout is not None
    reading = asyncio.create_task(said.read(process.stdout))
    try:
        yield said
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


def _wanted(plant: Plant, name: str, application: str = "panel", **changes: str) -> dict[str, Any]:
    certificate, key = identity(application).files(plant.folder)
    return {
        "name": name, "endpoint": plant.server.endpoint, "certificate": str(certificate), "key": str(key),
        "server": str(plant.folder / "opcua" / "certificate.der"), "uri": identity(application).uri,
        "policy": "Basic256Sha256", "namespace": NAMESPACE, "folder": "Andon", "station": "station/line-1",
        "nodes": list(SEED), "watch": "PassCount", **OLGA, **changes,
    }  # fmt: skip


async def test_a_c_stack_browses_reads_and_sees_each_part(plant: Plant) -> None:
    now = datetime.now(UTC)
    await plant.line.judge(part("a"), part("b"))
    await plant.line.judge(part("c", Decision.FAIL, now, confidence=0.75, objects_found=2))
    await eventually(lambda: _counted(plant.server, 3))
    async with clients(plant, one={}, two={"policy": "Aes256_Sha256_RsaPss"}) as said:
        for name in ("one", "two"):
            await eventually(lambda name=name: said.of(name, "changed"), within=30)
            assert set(said.of(name, "browsed")[0]) == {"SystemStatus", "line-1"}
            assert said.of(name, "read") == [SEED]
        sessions = plant.server.described().sessions
        assert {each.policy for each in sessions} == {"Basic256Sha256", "Aes256_Sha256_RsaPss"}
        assert [(each.user, each.items) for each in sessions] == [("olga", 1)] * 2
        await plant.line.judge(*(part(f"d-{number}") for number in range(20)))
        for name in ("one", "two"):
            await eventually(lambda name=name: said.of(name, "changed") == list(range(2, 23)))


async def test_a_c_stack_is_refused_for_its_certificate_or_password_and_refuses_a_stranger(
    plant: Plant,
) -> None:
    stranger, _ = identity("rogue").files(plant.folder)
    differences = {
        "rogue": {"application": "rogue"},
        "wrong": {"password": "wrong"},
        "careful": {"server": str(stranger)},
    }
    async with clients(plant, **differences) as said:
        await eventually(lambda: len(said.lines) == 3, within=30)
        assert said.lines == [
            {"client": "rogue", "refused": BAD_SECURITY_CHECKS_FAILED},
            {"client": "wrong", "refused": BAD_USER_ACCESS_DENIED},
            {"client": "careful", "refused": BAD_CERTIFICATE_UNTRUSTED},
        ]
    (rejected,) = plant.server.trust.listed(CertificateState.REJECTED)
    assert rejected.subject == "CN=rogue"
    assert plant.server.described().sessions == ()


def _counted(server: OpcuaServer, parts: int) -> bool:
    if "line-1" not in server.stations:
        return False
    names = ("PassCount", "FailCount", "UncertainCount")
    nodes = [server.node_id(f"station/line-1/{name}") for name in names]
    return sum(server.core.read_attribute_value(each).Value.Value for each in nodes) == parts  # type: ignore[union-attr]
