"""On a real broker each service may do all that its contracts say, and nothing else."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from generating import ROOT, permissions
from nats.js.api import StreamConfig
from pydantic import SecretStr

from andon.contracts import (
    FOLLOWERS,
    INTEGRATIONS,
    SERVICES,
    SUBJECTS,
    Body,
    Command,
    Event,
    Message,
    NotFound,
    Query,
    Subject,
    Unavailable,
    inspection,
    stream_of,
)
from andon.messaging import BusSettings, Delivery, ParkedMessages, Service, declare_topology
from andon.messaging._connection import Connection
from andon.messaging.parking import GivenUp, Mover
from andon.runtime.embedded import NatsOptions, free_ports, nats_server, users_with
from andon.testing import eventually

PARTIES = (*SERVICES, INTEGRATIONS)


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[BusSettings]:
    """A broker that knows every user by the generated permissions; the operator has declared the streams."""
    allowed = json.loads((ROOT / permissions.PATH).read_text())
    users = users_with(allowed, {user: f"{user}-secret" for user in allowed})
    (port,) = free_ports(1)
    server = nats_server(tmp_path, NatsOptions(port, tmp_path / "store", users))
    server.start()
    try:
        settings = BusSettings(url=f"nats://127.0.0.1:{port}", say_timeout=3)
        await declare_topology(known(settings, permissions.OPERATOR))
        yield settings
    finally:
        server.kill()


def known(settings: BusSettings, user: str) -> BusSettings:
    return settings.model_copy(update={"user": user, "password": SecretStr(f"{user}-secret")})


def example(subject: Subject[Any], *, reply: bool = False) -> Any:
    file = ROOT / "contracts/examples" / f"{subject.address}{'.reply' if reply else ''}.json"
    model = subject.reply if reply and isinstance(subject, Query) else subject.payload
    return model.model_validate_json(file.read_text())


class Party:
    """A service reduced to what its contracts say of it."""

    def __init__(self, name: str, settings: BusSettings) -> None:
        self.heard = Counter[str]()
        self.service = Service(name, known(settings, name))
        subjects = [subject for subject in SUBJECTS if name in subject.heard_by]
        self.name = name
        for subject in subjects:
            if isinstance(subject, Query):
                self.service.answers(subject, self._answering(subject))
            elif name in (*FOLLOWERS, INTEGRATIONS) and isinstance(subject, Event):
                self.service.follows([subject], self._hear, after=self._from_the_start)
            elif isinstance(subject, (Event, Command)):
                self.service.hears(subject, self._hear)

    async def _from_the_start(self) -> int:
        return 0

    async def _hear(self, _message: Message, delivery: Delivery) -> None:
        self.heard[delivery.subject] += 1

    def _answering(self, query: Query[Any, Any]) -> Any:
        async def answer(_message: Message, delivery: Delivery) -> Message:
            self.heard[delivery.subject] += 1
            return example(query, reply=True)

        return answer

    async def talk(self) -> None:
        for subject in SUBJECTS:
            if self.name not in subject.said_by:
                continue
            body = b"image" if subject.body is Body.BINARY else b""
            if isinstance(subject, Query):
                assert await self.service.ask(subject, example(subject), body=body)
            elif isinstance(subject, (Event, Command)):
                await self.service.say(subject, example(subject), body=body)


async def test_every_service_says_hears_asks_and_answers_all_that_its_contracts_say(bus: BusSettings):
    parties = [Party(name, bus) for name in PARTIES]
    async with AsyncExitStack() as running:
        for party in parties:
            await running.enter_async_context(party.service)
        for party in parties:
            await party.talk()
        for party in parties:
            wanted = {s.address: len(s.said_by) for s in SUBJECTS if party.name in s.heard_by}
            await eventually(lambda party=party, wanted=wanted: dict(party.heard) == wanted)


async def test_the_gateway_replays_the_feed(bus: BusSettings):
    async with (
        Service("inspection", known(bus, "inspection")) as inspector,
        Service("gateway", known(bus, "gateway")) as gateway,
    ):
        await inspector.say(inspection.PART_JUDGED, example(inspection.PART_JUDGED))

        async def replayed() -> bool:
            return [address for address, _, _ in await gateway.replay("feed", 0, 10)] == [
                inspection.PART_JUDGED.address
            ]

        await eventually(replayed)
        assert await gateway.last_sequence("feed") == 1


async def test_what_can_t_be_served_is_parked_and_the_operator_sees_it(bus: BusSettings):
    inspector = Service("inspection", known(bus, "inspection"))

    async def refuse(_frame: inspection.FrameCaptured, _delivery: Delivery) -> None:
        raise NotFound("no such station")

    inspector.hears(inspection.FRAME_CAPTURED, refuse)
    async with inspector, Service(INTEGRATIONS, known(bus, INTEGRATIONS)) as camera:
        await camera.say(inspection.FRAME_CAPTURED, example(inspection.FRAME_CAPTURED), body=b"image")
        async with ParkedMessages(known(bus, permissions.OPERATOR)) as parked:

            async def one_letter() -> bool:
                return [letter.reason for letter in await parked.list()] == ["no such station"]

            await eventually(one_letter)
            assert await parked.replay(1)


async def test_a_message_that_the_broker_gave_up_on_is_moved(bus: BusSettings):
    connection = Connection(known(bus, "inspection"), "inspection")
    await connection.open()
    try:
        async with Service(INTEGRATIONS, known(bus, INTEGRATIONS)) as camera:
            frame = example(inspection.FRAME_CAPTURED)
            sequence = await camera.say(inspection.FRAME_CAPTURED, frame, body=b"image")
        stream = stream_of(inspection.FRAME_CAPTURED)
        given_up = GivenUp(stream=stream, consumer="inspection_x", stream_seq=sequence, deliveries=12)
        await Mover("inspection", connection).move(given_up, Delivery("", 1, 1, frame.captured_at, {}, b""))
    finally:
        await connection.close()
    async with ParkedMessages(known(bus, permissions.OPERATOR)) as parked:
        assert [letter.code for letter in await parked.list()] == ["crashed"]


@pytest.mark.long
async def test_a_service_may_not_say_what_another_says(bus: BusSettings):
    async with Service("alerting", known(bus, "alerting")) as alerting:
        with pytest.raises(Unavailable):
            await alerting.say(inspection.PART_JUDGED, example(inspection.PART_JUDGED))
        with pytest.raises(Unavailable):
            await alerting.ask(inspection.GET, example(inspection.GET), timeout=0.5)


@pytest.mark.parametrize("user", PARTIES)
async def test_nobody_but_the_operator_changes_streams(bus: BusSettings, user: str):
    connection = Connection(known(bus, user), user)
    await connection.open()
    jetstream = connection.client.jetstream(timeout=0.3)
    try:
        with pytest.raises(TimeoutError):
            await jetstream.update_stream(StreamConfig(name="feed", max_msgs=1))
        with pytest.raises(TimeoutError):
            await jetstream.delete_stream("inspection-frames")
    finally:
        await connection.close()


async def test_a_wrong_password_is_refused(bus: BusSettings):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(bus.url.rpartition(":")[2]))
    writer.write(b'CONNECT {"user": "gateway", "pass": "guessed"}\r\nPING\r\n')
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert b"Authorization Violation" in answer
