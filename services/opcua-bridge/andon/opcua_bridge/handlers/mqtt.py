"""The MQTT door: every part and alert is published, in order, whatever happens to the broker."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from andon.contracts import Message, Refused, Unavailable, alerting, inspection, stream_of
from andon.contracts.fieldbus import MqttStatus
from andon.messaging import Delivery, Retry, Service
from andon.opcua_bridge.adapters.mqtt import WINDOW, Broker, MqttSettings, connected
from andon.opcua_bridge.domain import telegrams
from andon.opcua_bridge.domain.place import Place, going_on_from
from andon.opcua_bridge.domain.telegrams import OFFLINE, ONLINE, Topics
from andon.opcua_bridge.handlers.commands import Commands
from andon.opcua_bridge.handlers.counting import Counting
from andon.opcua_bridge.handlers.streams import held
from andon.opcua_bridge.handlers.trouble import Trouble
from andon.opcua_bridge.store import Marks
from andon.telemetry import log

PARTS = (inspection.PART_JUDGED,)
ALERTS = (alerting.OPENED, alerting.ACKNOWLEDGED, alerting.RESOLVED)

_MOST_WAITING = 256
"""Telegrams in memory; what comes after them stays in the stream."""
_STATUS_SECONDS = 0.5
_SAVE_SECONDS = 1.0
_GOODBYE_SECONDS = 2.0
_STEADY_SECONDS = 10.0
"""A connection that lived so long was a good one."""
_RESTS = Retry(attempts=0, first=0.2, longest=10.0)

_log = log("andon.opcua_bridge")


@dataclass(frozen=True)
class Telegram:
    """Something to publish, and its place in the stream it came from."""

    stream: str
    place: Place
    topic: str
    payload: bytes


@dataclass
class Publisher:
    """Follows the bus from what the broker has confirmed, and publishes what comes."""

    bus: Service
    counting: Counting
    marks: Marks
    settings: MqttSettings
    trouble: Trouble
    connected: bool = False
    published: int = 0
    last_published_at: datetime | None = None
    _waiting: deque[Telegram] = field(default_factory=deque[Telegram])
    _moved: asyncio.Condition = field(default_factory=asyncio.Condition)
    _stopped: bool = False
    _places: dict[str, Place] = field(default_factory=dict[str, Place])
    """How far the broker has confirmed each stream."""
    _saved: dict[str, Place] = field(default_factory=dict[str, Place])
    _shown: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """The retained status of each station, as published on this connection."""

    @property
    def topics(self) -> Topics:
        return Topics(self.settings.root)

    def follow(self) -> None:
        """Name what is followed on the bus."""
        for events in (PARTS, ALERTS):
            stream = stream_of(events[0])
            self.bus.follows(events, self.tell, after=lambda stream=stream: self.place(stream))

    async def place(self, stream: str) -> int:
        """Where to go on in a stream; the very first start is with what is said from then on."""
        before = await self.marks.load(stream)
        now = await held(self.bus, stream, before or Place())
        if before is None:
            begin = Place(now.last_seq, now.last_said)
            await self.marks.save(stream, begin)
            self._places[stream] = self._saved[stream] = begin
            return begin.seq
        going_on = going_on_from(before, now)
        if going_on.lost:
            self.trouble.note(f"{stream} dropped events that were never published")
        self._places[stream] = self._saved[stream] = before
        return going_on.seq

    async def tell(self, said: Message, delivery: Delivery) -> None:
        """Take an event in hand; waits while as much is in hand as may be."""
        if isinstance(said, alerting.Alert):
            topic, payload = self.topics.of(said.station_id, "alert"), telegrams.alert(said)
            stream = stream_of(alerting.OPENED)
        else:
            assert isinstance(said, inspection.Inspection)  # noqa: S101 - follows names no other event
            topic, payload = self.topics.of(said.station_id, "inspection"), telegrams.inspection(said)
            stream = stream_of(inspection.PART_JUDGED)
        telegram = Telegram(stream, Place(delivery.sequence, delivery.time), topic, payload)
        async with self._moved:
            await self._moved.wait_for(lambda: self._stopped or len(self._waiting) < _MOST_WAITING)
            if self._stopped:
                raise Unavailable("the publisher has stopped")
            self._waiting.append(telegram)
            self._moved.notify_all()

    async def run(self) -> None:
        """Be connected, as long as the service lives."""
        failures = 0
        try:
            while True:
                began, before = time.monotonic(), self.published
                try:
                    await self._session()
                except* Unavailable as away:
                    self.trouble.note(_first(away))
                good = self.published > before or time.monotonic() - began > _STEADY_SECONDS
                failures = 1 if good else failures + 1
                await asyncio.sleep(_RESTS.rest(failures))
        finally:
            async with self._moved:
                self._stopped = True
                self._moved.notify_all()

    async def keep(self) -> None:
        """Remember every second what the broker has."""
        while True:
            await asyncio.sleep(_SAVE_SECONDS)
            await self._save()

    @asynccontextmanager
    async def remembering(self) -> AsyncIterator[None]:
        """Remember once more at the end."""
        yield
        await self._save()

    def status(self) -> MqttStatus:
        return MqttStatus(
            enabled=True,
            connected=self.connected,
            endpoint=self.settings.endpoint,
            root=self.settings.root,
            published=self.published,
            waiting=len(self._waiting),
            commands=self.settings.commands,
            last_published_at=self.last_published_at,
            last_error=self.trouble.last,
            last_error_at=self.trouble.at,
        )

    async def _session(self) -> None:
        """One connection, until it is lost."""
        topics = self.topics
        async with connected(self.settings, topics.status, telegrams.presence(OFFLINE)) as broker:
            self._shown.clear()
            await broker.publish(topics.status, telegrams.presence(ONLINE), retain=True)
            commands = Commands(self.bus, broker, topics)
            if self.settings.commands:
                await broker.subscribe(topics.commands)
            self.connected = True
            _log.info("MQTT is connected", endpoint=self.settings.endpoint, root=topics.root)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._publish(broker))
                    tasks.create_task(self._show(broker))
                    tasks.create_task(commands.carry_out())
            except asyncio.CancelledError:
                await self._say_goodbye(broker)
                raise
            finally:
                self.connected = False

    async def _publish(self, broker: Broker) -> None:
        """Hand on what waits; it stays in hand until the broker has confirmed it."""
        under_way: deque[asyncio.Task[None]] = deque()
        try:
            while True:
                for each in tuple(islice(self._waiting, len(under_way), WINDOW)):
                    under_way.append(asyncio.create_task(broker.publish(each.topic, each.payload)))
                if under_way:
                    await under_way[0]
                    under_way.popleft()
                    await self._confirmed()
                else:
                    async with self._moved:
                        await self._moved.wait_for(lambda: len(self._waiting) > 0)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _confirmed(self) -> None:
        """The broker has the first of what waits."""
        first = self._waiting.popleft()
        self._places[first.stream] = first.place
        self.published += 1
        self.last_published_at = self.counting.clock()
        async with self._moved:
            self._moved.notify_all()

    async def _show(self, broker: Broker) -> None:
        """Keep the stations' retained status what it should be."""
        while True:
            if self.counting.caught_up:
                for station_id in self.counting.lines.stations:
                    await self._show_station(broker, station_id, ONLINE)
            await asyncio.sleep(_STATUS_SECONDS)

    async def _show_station(self, broker: Broker, station_id: str, state: str) -> None:
        lines = self.counting.lines
        now = telegrams.status(
            lines.stations[station_id], self.counting.clock(), state=state, incomplete=lines.incomplete
        )
        if self._shown.get(station_id) != now:
            await broker.publish(self.topics.of(station_id, "status"), now, retain=True)
            self._shown[station_id] = now

    async def _say_goodbye(self, broker: Broker) -> None:
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                for station_id in tuple(self._shown):
                    await self._show_station(broker, station_id, OFFLINE)
                await broker.publish(self.topics.status, telegrams.presence(OFFLINE), retain=True)

    async def _save(self) -> None:
        for stream, place in tuple(self._places.items()):
            if place != self._saved.get(stream):
                with suppress(Unavailable):  # The store says so itself; what is unsaved is published again.
                    await self.marks.save(stream, place)
                    self._saved[stream] = place


def _first(group: ExceptionGroup[Refused]) -> str:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return str(found)
