"""Alerts as SCADA sees them through a client of another make, and what operators answer there."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from andon.contracts.alerting import AlertState, Severity
from andon.messaging import BusSettings
from andon.opcua_bridge.app import SERVICE
from andon.runtime import serving
from andon.storage import MongoSettings
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))

from node_opcua import NodeClient
from opcua_line import Line, bridge, connect, line, needs_node, trusted_client

pytestmark = [pytest.mark.timeout(240), pytest.mark.long]

FIELDS = [
    "EventId", "ConditionName", "SourceName", "Message", "Severity", "Retain", "ActiveState.Id",
    "AckedState.Id", "ConfirmedState.Id", "ConditionId", "ClientUserId",
]  # fmt: skip
SERVER = "i=2253"


@dataclass
class Plant:
    line: Line
    client: NodeClient
    ours: str

    def told(self, node: str = SERVER) -> list[dict[str, object]]:
        return [each for each in self.client.told(node) if each["ConditionName"]]

    async def last(self, node: str = SERVER, **expected: object) -> dict[str, object]:
        """The latest event, once it says this."""

        def says() -> bool:
            found = self.told(node)[-1:]
            assert found, self.client.events[-3:]
            assert {
                name.replace(".", "_"): value for name, value in found[0].items()
            }.items() >= expected.items()
            return True

        await eventually(says)
        return self.told(node)[-1]


@pytest.fixture
async def plant(
    bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path
) -> AsyncIterator[Plant]:
    needs_node()
    settings = bridge(bus_settings, mongo_settings, tmp_path / "data")
    async with line(bus_settings) as around, serving(SERVICE, settings) as running:
        endpoint = running.application.resources[1].endpoint  # type: ignore[attr-defined]
        async with trusted_client(tmp_path / "client", settings.data) as client:
            ours = await connect(client, endpoint)
            yield Plant(around, client, ours)


async def test_an_alert_is_acknowledged_confirmed_and_resolved_between_scada_and_andon(plant: Plant) -> None:
    client, station = plant.client, f"{plant.ours}station/line-1"
    await eventually(lambda: _there(client, station))
    for node in (SERVER, station):
        await client.ask("events", node=node, fields=FIELDS, type="AcknowledgeableConditionType")
    alert = await plant.line.open()
    opened = await plant.last(ActiveState_Id=True, AckedState_Id=False, Retain=True, Severity=700)
    assert (opened["SourceName"], opened["Message"]) == ("line-1", "61 % of 90 %")
    await plant.last(station, ActiveState_Id=True)
    condition, event = str(opened["ConditionId"]), opened["EventId"]["hex"]  # type: ignore[index]
    assert condition == f"{plant.ours}alarm/pass-rate/line-1"

    await plant.line.escalate(alert.id, Severity.CRITICAL)
    raised = await plant.last(ActiveState_Id=True, AckedState_Id=False, Severity=900)
    assert raised["EventId"] != opened["EventId"]

    unknown = await client.ask("acknowledge", condition=condition, event="00" * 16, comment="")
    assert unknown["status"] == "BadEventIdUnknown"
    early = await client.ask("confirm", condition=condition, event=event, comment="")
    assert early["status"] != "Good"
    done = await client.ask("acknowledge", condition=condition, event=event, comment="cleaning the lens")
    assert done["status"] == "Good"
    acknowledged = await plant.last(AckedState_Id=True, ActiveState_Id=True, ClientUserId="olga")
    assert plant.line.alerts[alert.id].state is AlertState.ACKNOWLEDGED
    assert plant.line.alerts[alert.id].acknowledged_by == "olga"
    assert [each.text for each in plant.line.comments] == ["cleaning the lens"]
    again = await client.ask("acknowledge", condition=condition, event=event, comment="")
    assert again["status"] == "BadConditionBranchAlreadyAcked"

    event = acknowledged["EventId"]["hex"]  # type: ignore[index]
    done = await client.ask("confirm", condition=condition, event=event, comment="done")
    assert done["status"] == "Good"
    await plant.last(ConfirmedState_Id=True)
    assert plant.line.comments[-1].text == "confirmed: done"
    read = await client.ask("read", node=f"{condition}.AckedState.Id")
    assert read["value"] is True
    await plant.line.resolve(alert.id)
    await plant.last(ActiveState_Id=False, Retain=False)


async def test_a_client_that_comes_later_is_refreshed_with_what_is_open(plant: Plant) -> None:
    await plant.line.open()
    over = await plant.line.open(id="al-2", rule="latency", title="Slow")
    await plant.line.resolve(over.id)
    await eventually(lambda: _there(plant.client, f"{plant.ours}alarm/latency/line-1"))
    await plant.client.ask("events", node=SERVER, fields=[*FIELDS, "EventType"])

    async def refreshed() -> list[object]:
        plant.client.events.clear()
        assert (await plant.client.ask("refresh"))["status"] == "Good"
        await eventually(
            lambda: [each for each in plant.client.told(SERVER) if each["EventType"] == "ns=0;i=2788"]
        )
        return [each["ConditionName"] for each in plant.told()]

    assert await refreshed() == ["Pass rate below target"]
    kinds = [each["EventType"] for each in plant.client.told(SERVER)]
    assert kinds == ["ns=0;i=2787", "ns=0;i=10637", "ns=0;i=2788"]


async def _there(client: NodeClient, node: str) -> bool:
    found = await client.ask("read", node=node, attribute="BrowseName")
    return found["status"] == "Good"
