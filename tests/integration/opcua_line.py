"""A line around a real OPC UA bridge: stations, users, parts and alerts on a real bus."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from node_opcua import NodeClient, NotInstalled, install

from andon.contracts import (
    Message,
    NotFound,
    Unauthorised,
    alerting,
    audit,
    auth,
    camera,
    inspection,
    station,
)
from andon.contracts.alerting import Alert, AlertState, Severity
from andon.contracts.inspection import Decision, Inspection, Times
from andon.contracts.opcua import CertificateUse
from andon.contracts.station import Mode
from andon.messaging import BusSettings, Delivery, Service
from andon.opcua_bridge.adapters.server import NAMESPACE
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.adapters.trust import TrustList
from andon.opcua_bridge.app import OpcuaBridgeSettings
from andon.storage import MongoSettings
from andon.testing import build

OLGA = {"user": "olga", "password": "correct horse"}


def needs_node() -> None:
    """Skips where the client of another make can't be had."""
    try:
        install()
    except NotInstalled as why:
        pytest.skip(f"node-opcua is not there: {why}")


@dataclass
class Line:
    """Whoever else is on the bus."""

    bus: Service
    roles: tuple[auth.Role, ...] = (auth.Role.OPERATOR,)
    alerts: dict[str, Alert] = field(default_factory=dict[str, Alert])
    comments: list[alerting.CommentAlert] = field(default_factory=list[alerting.CommentAlert])
    captured: list[camera.CaptureFrame] = field(default_factory=list[camera.CaptureFrame])
    recorded: list[audit.Action] = field(default_factory=list[audit.Action])
    stations: tuple[station.Station, ...] = ()
    cameras: tuple[camera.Camera, ...] = ()

    def answer(self) -> None:
        bus = self.bus
        bus.answers(station.LIST, self._stations)
        bus.answers(camera.LIST, self._cameras)
        bus.answers(camera.CAPTURE, self._capture)
        bus.answers(auth.VERIFY_PASSWORD, self._verify)
        bus.answers(auth.USER, self._user)
        bus.answers(alerting.LIST, self._alerts)
        bus.answers(alerting.ACKNOWLEDGE, self._acknowledge)
        bus.answers(alerting.COMMENT, self._comment)

    async def judge(self, *parts: Inspection) -> None:
        for each in parts:
            await self.bus.say(inspection.PART_JUDGED, each)

    async def open(self, **changes: Any) -> Alert:
        alert = Alert(
            **{
                "id": "al-1", "rule": "pass-rate", "subject": "line-1", "station_id": "line-1",
                "severity": Severity.ERROR, "title": "Pass rate below target", "message": "61 % of 90 %",
                "state": AlertState.OPEN, "timestamp": datetime.now(UTC), **changes,
            }
        )  # fmt: skip
        self.alerts[alert.id] = alert
        await self.bus.say(alerting.OPENED, alert)
        return alert

    async def escalate(self, alert_id: str, severity: Severity) -> None:
        raised = self.alerts[alert_id].model_copy(update={"severity": severity})
        self.alerts[alert_id] = raised
        await self.bus.say(alerting.CHANGED, raised)

    async def resolve(self, alert_id: str) -> None:
        done = self.alerts[alert_id].model_copy(
            update={"state": AlertState.RESOLVED, "resolved_at": datetime.now(UTC)}
        )
        self.alerts[alert_id] = done
        await self.bus.say(alerting.RESOLVED, done)

    async def record(self, action: audit.Action, _delivery: Delivery) -> None:
        self.recorded.append(action)

    async def _stations(self, _query: Message, _delivery: Delivery) -> station.Stations:
        return station.Stations(stations=self.stations)

    async def _cameras(self, _query: Message, _delivery: Delivery) -> camera.Cameras:
        return camera.Cameras(cameras=self.cameras)

    async def _capture(self, query: camera.CaptureFrame, _delivery: Delivery) -> Inspection:
        self.captured.append(query)
        name = query.frame_id or f"captured-{len(self.captured)}"
        made = part(name, station_id=query.station_id, part_id=query.part_id)
        await self.judge(made)
        return made

    async def _verify(self, query: auth.VerifyPassword, _delivery: Delivery) -> auth.User:
        if (query.username, query.password) != (OLGA["user"], OLGA["password"]):
            raise Unauthorised("no")
        return self._olga()

    async def _user(self, query: auth.GetUser, _delivery: Delivery) -> auth.User:
        if query.id != "1":
            raise NotFound("no")
        return self._olga()

    def _olga(self) -> auth.User:
        return auth.User(id="1", username="olga", roles=self.roles, created_at=build.NOON)

    async def _alerts(self, query: alerting.ListAlerts, _delivery: Delivery) -> alerting.Alerts:
        found = (each for each in self.alerts.values() if query.state in (None, each.state))
        return alerting.Alerts(alerts=tuple(found))

    async def _acknowledge(self, query: alerting.AcknowledgeAlert, _delivery: Delivery) -> Alert:
        done = self.alerts[query.id].model_copy(
            update={
                "state": AlertState.ACKNOWLEDGED, "acknowledged_at": datetime.now(UTC),
                "acknowledged_by": query.by,
            }
        )  # fmt: skip
        self.alerts[query.id] = done
        await self.bus.say(alerting.ACKNOWLEDGED, done)
        return done

    async def _comment(self, query: alerting.CommentAlert, _delivery: Delivery) -> alerting.AlertDetails:
        self.comments.append(query)
        return alerting.AlertDetails(alert=self.alerts[query.id], history=())


def part(
    name: str, decision: Decision = Decision.PASS, at: datetime | None = None, **changes: Any
) -> Inspection:
    at = at or datetime.now(UTC)
    times = Times(decode_ms=1, inference_ms=12.5, total_ms=20)
    values = {"id": name, "frame_id": name, "station_id": "line-1", "decision": decision, "times": times}
    return build.inspection(**{**values, "judged_at": at, "captured_at": at, **changes})


@asynccontextmanager
async def line(settings: BusSettings) -> AsyncIterator[Line]:
    found = Line(Service("inspection", settings))
    found.stations = (build.station(id="line-1", mode=Mode.JUDGE),)
    found.answer()
    log = Service("auth", settings)
    log.hears(audit.RECORD, found.record)
    async with found.bus, log:
        yield found


def bridge(bus: BusSettings, mongo: MongoSettings, folder: Path, **opcua: Any) -> OpcuaBridgeSettings:
    """As in production: encrypted, with users and a trust list."""
    settings = OpcuaSettings(**{"port": 0, "machine_vision": False, **opcua})
    return OpcuaBridgeSettings(bus=bus, mongo=mongo, data=folder, opcua=settings)


@asynccontextmanager
async def trusted_client(folder: Path, data: Path, application: str = "scada") -> AsyncIterator[NodeClient]:
    """A node-opcua client whose certificate the bridge over this data folder trusts."""
    async with NodeClient(folder) as client:
        trust = TrustList(data / "opcua" / "pki")
        trust.prepare()
        trust.trust(await client.certificate(application), CertificateUse.CLIENT, None)
        yield client


async def connect(client: NodeClient, endpoint: str, policy: str = "Basic256Sha256", **user: str) -> str:
    """Comes back with the prefix of our nodes' ids."""
    done = await client.connect(endpoint, policy=policy, application="scada", **(user or OLGA))
    return f"ns={done['namespaces'].index(NAMESPACE)};s="
