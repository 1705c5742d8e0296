"""A real gateway on a real bus, and a line behind it whose answers a test sets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import httpx
import pytest

from andon.contracts import (
    SUBJECTS,
    Message,
    NotFound,
    Query,
    alerting,
    auth,
    inspection,
    opcua,
    station,
    training,
)
from andon.gateway.app import SERVICE, GatewaySettings
from andon.messaging import Delivery, Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.storage import Blobs

EMPTY = {
    inspection.STATISTICS: inspection.Statistics(
        total_inspections=4,
        passed=3,
        failed=1,
        uncertain=0,
        pass_rate=0.75,
        avg_inspection_time_ms=8.5,
        defect_breakdown={"anomaly": 1},
        period_hours=24,
    ),
    station.LIST: station.Stations(stations=()),
    alerting.LIST: alerting.Alerts(alerts=()),
    inspection.LIST: inspection.Inspections(total=0, items=()),
    training.LIST: training.Models(models=()),
}


@dataclass
class Line:
    """Whoever else is on the bus."""

    bus: Service
    key: str
    answers: dict[Query[Any, Any], Any] = field(default_factory=lambda: dict(EMPTY))
    """A message, an error to raise, or a function of question and delivery."""
    asked: list[tuple[Query[Any, Any], Any, Delivery]] = field(default_factory=list)

    def token(self, *roles: str, session: str = "session-1", name: str = "eve", lifetime: float = 600) -> str:
        held = tuple(auth.Role(role) for role in roles or ("admin",))
        user = auth.User(id="user-1", username=name, roles=held, created_at=datetime.now(UTC))
        return Signer(self.key, lifetime=lifetime).sign(user, session)

    def questions(self, query: Query[Any, Any]) -> list[Any]:
        return [message for subject, message, _ in self.asked if subject is query]

    def answering(self, query: Query[Any, Any]):
        async def answer(message: Message, delivery: Delivery) -> Message:
            self.asked.append((query, message, delivery))
            found: Any = self.answers.get(query, NotFound("There is no such thing."))
            if isinstance(found, Exception):
                raise found
            return cast("Message", found(message, delivery) if callable(found) else found)

        return answer


@pytest.fixture
async def line(bus_settings) -> AsyncIterator[Line]:
    bus = Service("line", bus_settings)
    line = Line(bus, new_private_key())
    line.answers[auth.KEYS] = auth.Keys(keys=(Signer(line.key).public,))
    line.answers[auth.ENDED] = auth.EndedSessions(session_ids=())
    for query in SUBJECTS:
        if isinstance(query, Query) and query is not opcua.STATUS:  # the bridge is away
            bus.answers(query, line.answering(query))
    async with bus:
        yield line


@pytest.fixture
async def settings(bus_settings, mongo_settings, blob_settings) -> GatewaySettings:
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
    http = HttpSettings(port=0, drain=1)
    return GatewaySettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, http=http)


@pytest.fixture
async def address(line, settings) -> AsyncIterator[str]:
    """Where the gateway listens: host and port."""
    async with serving(SERVICE, settings) as running:
        yield f"127.0.0.1:{running.http_port}"


@pytest.fixture
async def client(line, address) -> AsyncIterator[httpx.AsyncClient]:
    """Signed in as an admin."""
    headers = {"Authorization": f"Bearer {line.token()}"}
    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=15) as client:
        yield client


@pytest.fixture
async def stranger(address) -> AsyncIterator[httpx.AsyncClient]:
    """Not signed in."""
    async with httpx.AsyncClient(base_url=f"http://{address}", timeout=15) as client:
        yield client
