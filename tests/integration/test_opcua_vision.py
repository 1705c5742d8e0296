"""A station as a vision system of OPC 40100-1, and its past, seen by a client of another make."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from andon.contracts import auth, station
from andon.contracts.audit import Outcome
from andon.contracts.inspection import Decision, Detection
from andon.contracts.station import Mode
from andon.messaging import BusSettings
from andon.opcua_bridge.adapters.vision.systems import MODEL
from andon.opcua_bridge.app import SERVICE
from andon.opcua_bridge.handlers.access import Access
from andon.runtime import serving
from andon.storage import MongoSettings
from andon.testing import build, eventually

sys.path.insert(0, str(Path(__file__).parent))

from node_opcua import NodeClient
from opcua_line import OLGA, Line, bridge, line, needs_node, part, trusted_client

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

FIELDS = ["EventType", "SourceName", "2:ResultId", "2:ResultContent", "2:CreationTime", "2:PartId", "2:JobId"]


@dataclass
class Plant:
    line: Line
    client: NodeClient
    ours: str
    model: int
    access: Access

    @property
    def vision(self) -> str:
        return f"{self.ours}station/line-1/vision"

    async def state(self) -> tuple[str, str]:
        machine = f"{self.vision}.VisionStateMachine"
        found = [
            await self.client.ask("read", node=f"{each}.CurrentState")
            for each in (machine, f"{machine}.AutomaticModeStateMachine")
        ]
        return found[0]["value"], found[1]["value"]

    async def is_in(self, *state: str) -> bool:
        assert await self.state() == state
        return True

    async def call(self, method: str, *given: dict[str, Any]) -> dict[str, Any]:
        object_, _, _ = method.rpartition(".")
        place = f"{self.vision}.{object_}" if object_ else self.vision
        return await self.client.ask(
            "call_structured", object=place, method=f"{self.vision}.{method}", input=list(given)
        )

    def id(self, kind: int, value: str = "") -> dict[str, Any]:
        return {"structure": f"ns={self.model};i={kind}", "value": {"id": value}}


CAUSE = ({"type": "Int32", "value": 0}, {"type": "String", "value": "test"})
MEAS, PART, RECIPE, PRODUCT, INTERNAL, CONFIGURATION, JOB, RESULT = (
    3015,
    3004,
    3002,
    3003,
    3013,
    3008,
    3016,
    3021,
)


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path
) -> AsyncIterator[Plant]:
    needs_node()
    settings = bridge(bus_settings, mongo_settings, tmp_path / "data", machine_vision=True)
    async with line(bus_settings) as around, serving(SERVICE, settings) as running:
        around.roles = (auth.Role.ENGINEER,)
        endpoint = running.application.resources[1].endpoint  # type: ignore[attr-defined]
        async with trusted_client(tmp_path / "client", settings.data) as client:
            policy = "Aes256_Sha256_RsaPss"
            done = await client.connect(endpoint, policy=policy, application="scada", **OLGA)
            spaces = done["namespaces"]
            model = spaces.index(MODEL)
            ours = f"ns={spaces.index('urn:andon:opcua')};s="
            access = Access(around.bus, running.application.resources[1])  # type: ignore[arg-type]
            yield Plant(around, client, ours, model, access)


async def test_a_vision_system_tells_states_and_results_and_takes_jobs(plant: Plant) -> None:
    client = plant.client
    await client.ask("types")
    await eventually(lambda: plant.is_in("Operational", "Ready"))
    fields = [each.replace("2:", f"{plant.model}:") for each in FIELDS]
    ready = f"ns={plant.model};i=1024"
    await client.ask("events", node="i=2253", fields=fields, type=ready)
    defect = Detection(class_name="scratch", confidence=0.9, bbox=(1, 2, 30, 40))
    await plant.line.judge(
        part("a", Decision.FAIL, part_id="P-1", detections=(defect,), objects_found=1, confidence=0.75)
    )
    await eventually(lambda: len(client.told("i=2253")) == 1)
    (told,) = client.told("i=2253")
    assert told["EventType"] == ready
    assert told[fields[2]]["id"] == "a"
    assert told[fields[5]]["id"] == "P-1"
    assert all("key" in each for each in told[fields[3]]), told[fields[3]]
    content = {each["key"]["name"]: each["value"]["value"] for each in told[fields[3]]}
    assert content["Decision"] == "fail"
    assert content["Classes"] == ["scratch"]
    assert await plant.is_in("Operational", "ContinuousExecution")

    empty = [
        plant.id(MEAS), plant.id(PART), plant.id(RECIPE), plant.id(PRODUCT), {"array": "Variant"},
    ]  # fmt: skip
    empty[1] = plant.id(PART, "P-2")
    done = await plant.call("VisionStateMachine.AutomaticModeStateMachine.StartSingleJob", *empty)
    assert done["status"] == "Good"
    job = done["output"][0]["id"]
    await eventually(lambda: len(client.told("i=2253")) == 2)
    assert client.told("i=2253")[1][fields[6]]["id"] == job
    assert [(each.part_id, each.frame_id) for each in plant.line.captured] == [("P-2", job)]
    assert (await plant.call("VisionStateMachine.Halt", *CAUSE))["status"] == "Good"
    assert (await plant.state())[0] == "Halted"
    refused = await plant.call("VisionStateMachine.AutomaticModeStateMachine.StartSingleJob", *empty)
    assert refused["status"] == "BadInvalidState"
    assert (await plant.call("VisionStateMachine.Reset", *CAUSE))["status"] == "Good"
    await plant.line.bus.say(station.CHANGED, build.station(id="line-1", mode=Mode.TEACH))
    await eventually(lambda: plant.is_in("Preoperational", "Initialized"))


async def test_results_and_the_recipe_can_be_asked_for(plant: Plant) -> None:
    await plant.client.ask("types")
    for number in range(3):
        await plant.line.judge(part(f"r-{number}", part_id=f"P-{number}"))
    filters = [
        {"type": "Int32", "value": 0}, plant.id(MEAS), plant.id(PART), plant.id(RECIPE), plant.id(INTERNAL),
        plant.id(CONFIGURATION), plant.id(CONFIGURATION), plant.id(PRODUCT), plant.id(JOB),
    ]  # fmt: skip
    page = [{"type": "UInt32", "value": 2}, {"type": "UInt32", "value": 0}, {"type": "Int32", "value": 0}]

    async def listed(*chosen: dict[str, Any]) -> list[Any]:
        done = await plant.call("ResultManagement.GetResultListFiltered", *chosen, *page)
        assert done["status"] == "Good"
        return done["output"]

    async def all_there() -> bool:
        complete, count, _handle, results, _error = await listed(*filters)
        assert (complete, count) == (False, 2)
        assert [each["resultId"]["id"] for each in results] == ["r-2", "r-1"]
        return True

    await eventually(all_there)
    filters[2] = plant.id(PART, "P-0")
    complete, count, _handle, (found,), _error = await listed(*filters)
    assert (complete, count, found["resultId"]["id"]) == (True, 1, "r-0")
    one = await plant.call("ResultManagement.GetResultById", plant.id(RESULT, "r-1"), page[2])
    assert one["output"][1]["partId"]["id"] == "P-1"
    parts = await plant.call("ResultManagement.GetResultComponentsById", plant.id(RESULT, "r-1"), page[2])
    assert (parts["status"], parts["output"][6]["id"]) == ("Good", "P-1")
    gone = await plant.call("ResultManagement.GetResultById", plant.id(RESULT, "nothing"), page[2])
    assert gone["status"] == "BadNotFound"
    asked = [plant.id(RECIPE), plant.id(PRODUCT), {"type": "Int32", "value": 2}, *page]
    recipes = await plant.call("RecipeManagement.GetRecipeListFiltered", *asked)
    assert recipes["output"][3][0]["id"] == "line-1/1"


async def test_who_may_not_configure_halts_nothing_and_leaves_a_trace(plant: Plant) -> None:
    assert (await plant.call("VisionStateMachine.Halt", *CAUSE))["status"] == "Good"
    plant.line.roles = (auth.Role.OPERATOR,)
    await plant.access.look()
    done = await plant.call("VisionStateMachine.Reset", *CAUSE)
    assert done["status"] == "BadUserAccessDenied"
    assert (await plant.state())[0] == "Halted"

    def recorded() -> bool:
        actions = [(each.action, each.actor.name, each.outcome) for each in plant.line.recorded]
        assert actions == [
            ("opcua.vision.halt", "olga", Outcome.DONE), ("opcua.vision.reset", "olga", Outcome.REFUSED),
        ]  # fmt: skip
        return True

    await eventually(recorded)


async def test_the_past_is_read_page_by_page(plant: Plant) -> None:
    begin = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)  # JavaScript knows ms
    times = [begin + timedelta(seconds=number) for number in range(25)]
    await plant.line.judge(
        *(
            part(f"h-{number}", Decision.FAIL if number % 5 == 4 else Decision.PASS, at)
            for number, at in enumerate(times)
        )
    )
    node = f"{plant.ours}station/line-1/PassCount"
    span = {"start": times[0].isoformat(), "end": times[-1].isoformat()}

    async def pages(size: int, **where: str) -> list[list[Any]]:
        found: list[list[Any]] = []
        continuation = ""
        while True:
            done = await plant.client.ask(
                "history", node=where.get("node", node), count=size, continuation=continuation,
                start=where.get("start", span["start"]), end=where.get("end", span["end"]),
            )  # fmt: skip
            found.append([each["value"] for each in done["values"]])
            continuation = done["continuation"]
            if not continuation:
                return found

    expected = [number + 1 - (number + 1) // 5 for number in range(25)]

    async def kept() -> bool:
        assert [value for page in await pages(0) for value in page] == expected
        return True

    await eventually(kept)
    paged = await pages(10)
    assert [len(page) for page in paged] == [10, 10, 5]
    assert [value for page in paged for value in page] == expected
    backwards = await pages(7, start=span["end"], end=span["start"])
    assert [value for page in backwards for value in page] == expected[::-1]
    rate = f"{plant.ours}station/line-1/PassRate1h"
    assert (await pages(0, node=rate))[0][-1] == 80
    for node_, status in (
        (f"{plant.ours}station/line-1/LastDecision", "BadHistoryOperationUnsupported"),
        (f"{plant.ours}SystemStatus/UptimeSeconds", "BadHistoryOperationUnsupported"),
    ):
        done = await plant.client.ask("history", node=node_, **span)
        assert done["status"] == status
    broken = await plant.client.ask("history", node=node, continuation="00ff", **span)
    assert broken["status"] == "BadContinuationPointInvalid"
