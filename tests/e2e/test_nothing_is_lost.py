"""500 frames while inspector, database and broker are each killed once: each counts exactly once."""

import argparse
import asyncio
import os
import signal
import sys
from collections import Counter
from pathlib import Path

import pytest
from asyncua.client.client import Client

from andon.contracts import inspection
from andon.contracts.inspection import Decision, Inspection
from andon.inspection.camera.feed import feed
from andon.inspection.camera.plate import PlateCamera
from andon.messaging import Service
from andon.runtime import Settings
from andon.runtime.embedded import free_ports
from andon.runtime.state import running_stack
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "scripts"))
import demo

pytestmark = pytest.mark.long

FRAMES = 500
PLACE = "press"


class Saboteur:
    """Kills a process by surprise when so many frames were sent."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.killed: dict[str, int] = {}

    def watch(self, frame) -> None:
        victim = {120: "inspection", 230: "mongo", 340: "nats"}.get(frame.number)
        if victim:
            self.killed[victim] = self.pid(victim)
            os.kill(self.killed[victim], signal.SIGKILL)

    def pid(self, name: str) -> int:
        state = running_stack(self.data)
        assert state is not None
        if name in state.services:
            return state.services[name].pid or 0
        return int(state.servers[name].removeprefix("pid "))


@pytest.fixture
async def stack(tmp_path):
    before = dict(os.environ)
    port, opcua = free_ports(2)
    process = demo.start_stack(argparse.Namespace(data=tmp_path, port=port, opcua_port=opcua))
    try:
        yield await demo.ready(tmp_path, process)
    finally:
        os.environ.clear()  # of what this process took over to find the stack
        os.environ.update(before)
        await demo.stop_stack(process)


async def counters(url: str) -> dict[str, int]:
    async with Client(url) as client:
        space = await client.get_namespace_index("urn:andon:opcua")
        names = {"pass": "PassCount", "fail": "FailCount", "uncertain": "UncertainCount"}
        return {
            decision: await client.get_node(f"ns={space};s=station/{PLACE}/{name}").read_value()
            for decision, name in names.items()
        }


async def records(bus: Service) -> list[Inspection]:
    found: list[Inspection] = []
    while True:
        page = await bus.ask(
            inspection.LIST, inspection.ListInspections(station_id=PLACE, limit=200, offset=len(found))
        )
        found += page.items
        if not page.items:
            return found


@pytest.mark.timeout(280)
async def test_nothing_is_lost_or_doubled_while_everything_is_killed_once(stack, tmp_path):
    announced: dict[str, Decision] = {}

    async def hear(message, _):
        announced[message.frame_id] = message.decision

    async def start():
        return 0

    bus = Service("integrations", Settings().bus)
    bus.follows((inspection.PART_JUDGED,), hear, after=start)
    async with bus:
        camera = PlateCamera(seed=3, defects=0.2, good_first=40)
        await demo.teach(bus, camera, PLACE, 0.1)
        saboteur = Saboteur(tmp_path)
        fed = await feed(bus, camera, PLACE, rate=25, count=FRAMES, sent=saboteur.watch)
        assert len(fed.frames) == FRAMES
        assert saboteur.killed.keys() == {"inspection", "mongo", "nats"}
        await eventually(lambda: announced.keys() == fed.frames.keys(), within=150, every=0.5)
        kept = await records(bus)
        figures = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(station_id=PLACE))
    assert len(kept) == FRAMES
    assert {part.frame_id: part.decision for part in kept} == announced
    counts = Counter(part.decision.value for part in kept)
    assert figures.total_inspections == FRAMES
    assert (figures.passed, figures.failed, figures.uncertain) == tuple(
        counts[decision.value] for decision in Decision
    )
    assert all(saboteur.pid(name) != pid for name, pid in saboteur.killed.items())
    shown = {decision.value: counts[decision.value] for decision in Decision}

    async def exact():
        return await counters(stack.opcua_url) == shown

    await asyncio.wait_for(eventually(exact, within=30, every=0.5), 40)
