"""Hearing a durable: fetch no more than fits, run the handler, then acknowledge, retry or park."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from faststream import AckPolicy
from faststream.nats import JStream, NatsMessage, PullSub
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js.api import ConsumerConfig
from pydantic import ValidationError

from andon.contracts import Command, Event, Message, Refused, Unavailable
from andon.messaging import _wire
from andon.messaging._connection import GONE, Connection
from andon.messaging._delivery import OUTAGE, Delivery, Place, Retry
from andon.messaging._pull import Lost, Pull
from andon.messaging._slots import Slots
from andon.messaging.parking import park
from andon.telemetry import extract, log, metrics, trace

_log = log("andon.messaging")
M = TypeVar("M", bound=Message)
Handler = Callable[[M, Delivery], Awaitable[None]]

_FETCH_SECONDS = 1.0
_SUSPECT = 3
_GATHER_SECONDS = 0.1


class Hearing(Generic[M]):
    """One durable of one service."""

    def __init__(
        self, place: Place, subject: Event[M] | Command[M], handler: Handler[M], workers: int, retry: Retry
    ) -> None:
        self._place = place
        self._subject = subject
        self._handler = handler
        self._workers = workers
        self._retry = retry
        self._slots = Slots(workers)
        self._held: dict[int, Msg] = {}
        self._suspects: list[Msg] = []
        self._stopping = asyncio.Event()
        self._beat: asyncio.Task[None] | None = None
        self._connection: Connection
        self._subscriber: Any = None
        self._pull: Pull | None = None
        self._fetching: asyncio.Task[None] | None = None

    async def declared(self, connection: Connection) -> None:
        """Wait until the durable is there, and take its ack_wait from it. Raises Unavailable."""
        self._connection = connection
        config = await _declared(connection, self._place)
        deliveries = config.max_deliver or -1
        if 0 < deliveries < self._retry.attempts:
            wanted = f"{self._retry.attempts} attempts at {self._subject.address}"
            raise ValueError(f"{wanted}, but the broker makes {deliveries}")
        self._beat = asyncio.create_task(self._keep_alive((config.ack_wait or 30.0) / 3))

    async def register(self) -> None:
        """Give FastStream the subscriber. It runs what we fetch; by itself it would fetch too much."""
        self._subscriber = self._connection.broker.subscriber(
            self._subject.address,
            durable=self._place.durable,
            stream=JStream(self._place.stream, declare=False),
            pull_sub=PullSub(batch_size=self._workers),
            ack_policy=AckPolicy.MANUAL,
            no_reply=True,
            decoder=_undecoded,
        )
        self._subscriber(self._work)
        self._pull = Pull(self._connection, self._place.stream, self._place.durable)
        await self._pull.open()
        self._subscriber.subscription = self._pull

    def fetch(self) -> None:
        """Begin, once FastStream has started."""
        if self._pull is not None:
            self._fetching = asyncio.create_task(self._fetch(self._pull))

    async def stop(self, grace: float) -> None:
        """Fetch no more, give back what is not begun, let what runs end within `grace` seconds."""
        self._stopping.set()
        if self._pull is not None:
            for msg in (*await self._pull.close(), *self._suspects):
                await _settle(msg.nak())
        for task in (self._fetching, self._beat):
            if task is not None:
                task.cancel()
        await self._slots.finish(grace)

    async def _fetch(self, pull: Pull) -> None:
        while not self._stopping.is_set():
            room = await self._slots.room()
            try:
                if await self._connection.up(_FETCH_SECONDS):
                    for msg in await pull.fetch(room, _FETCH_SECONDS):
                        await self._take(msg)
                    if self._suspects:
                        await self._examine(pull)
            except (Lost, *GONE) as error:
                _log.warning("fetching paused", durable=self._place.durable, error=str(error))
                await self._stopped_within(OUTAGE.rest(1))

    async def _take(self, msg: Msg) -> None:
        sequence = msg.metadata.sequence.stream
        if self._stopping.is_set():
            await _settle(msg.nak())
        elif sequence in self._held:
            self._held[sequence] = msg  # redelivered after a broker restart, while it is still at work here
        else:
            self._held[sequence] = msg
            if msg.metadata.num_delivered < _SUSPECT:
                self._slots.start(self._subscriber.consume(msg))
            else:
                self._suspects.append(msg)

    async def _examine(self, pull: Pull) -> None:
        """Run what was delivered often one by one and alone.

        If one of them kills this process it takes no others with it, and as their order changes with each
        delivery, the innocent get done before it. Together they would all end in the dead letters.
        """
        while (room := self._workers - len(self._held)) > 0 and (
            more := await pull.fetch(room, _GATHER_SECONDS)
        ):
            for msg in more:
                await self._take(msg)
        await self._slots.idle()
        _reorder(self._suspects)
        while self._suspects and not self._stopping.is_set():
            self._slots.start(self._subscriber.consume(self._suspects.pop(0)))
            await self._slots.idle()

    async def _work(self, message: NatsMessage) -> None:
        delivery = _wire.kept(message.raw_message)
        try:
            with trace(f"hear {self._subject.address}", parent=extract(delivery.headers)):
                await self._judge(delivery)
        except asyncio.CancelledError:
            await self._give_back(delivery.sequence)
            raise
        except Exception as error:  # noqa: BLE001 - FastStream would swallow it without a word
            _log.error("could not judge a message", durable=self._place.durable, exc_info=error)
        finally:
            self._held.pop(delivery.sequence, None)

    async def _judge(self, delivery: Delivery) -> None:
        try:
            message = _wire.parsed(self._subject, delivery)
        except ValidationError as error:
            fields = "; ".join(f"{name}: {what}" for name, what in _wire.invalid_fields(error).items())
            await self._park(delivery, "invalid", f"not a {self._subject.payload.__name__}: {fields}")
            return
        try:
            await self._patiently(message, delivery)
        except Unavailable:
            await self._give_back(delivery.sequence)
        except Refused as refused:
            await self._park(delivery, refused.problem.code, refused.problem.message)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises is retried, then parked
            await self._failed(delivery, error)
        else:
            self._count("done")
            await _settle(self._held[delivery.sequence].ack())

    async def _patiently(self, message: M, delivery: Delivery) -> None:
        """Run the handler; while what it stands on is away, rest and run it again."""
        outages = 0
        while True:
            try:
                await self._handler(message, delivery)
            except Unavailable as away:
                outages += 1
                self._count("waited")
                _log.warning(
                    "waiting in place",
                    subject=self._subject.address,
                    sequence=delivery.sequence,
                    why=str(away),
                )
                if await self._stopped_within(OUTAGE.rest(outages)):
                    raise
            else:
                return

    async def _failed(self, delivery: Delivery, error: Exception) -> None:
        what = f"{type(error).__name__}: {error}"
        _log.warning(
            "a handler failed",
            subject=self._subject.address,
            sequence=delivery.sequence,
            attempt=delivery.attempt,
            error=what,
            exc_info=error,
        )
        if delivery.attempt >= self._retry.attempts:
            await self._park(delivery, "failed", what)
            return
        self._count("retried")
        await _settle(self._held[delivery.sequence].nak(self._retry.rest(delivery.attempt)))

    async def _park(self, delivery: Delivery, code: str, reason: str) -> None:
        outages = 0
        while True:
            try:
                await park(self._connection, self._place, delivery, code, reason)
            except Unavailable:
                outages += 1
                if await self._stopped_within(OUTAGE.rest(outages)):
                    await self._give_back(delivery.sequence)
                    return
            else:
                break
        self._count("parked")
        await _settle(self._held[delivery.sequence].ack())

    async def _give_back(self, sequence: int) -> None:
        await _settle(self._held[sequence].nak())

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def _keep_alive(self, every: float) -> None:
        while True:
            await asyncio.sleep(every)
            waiting = self._pull.ready if self._pull is not None else ()
            for msg in (*self._held.values(), *waiting):
                await _settle(msg.in_progress())

    def _count(self, outcome: str) -> None:
        metrics.BUS_MESSAGES.labels(self._subject.address, outcome).inc()


async def _declared(connection: Connection, place: Place) -> ConsumerConfig:
    loop = asyncio.get_running_loop()
    end = loop.time() + connection.settings.connect_timeout
    told = False
    while True:
        try:
            info = await connection.jetstream.consumer_info(place.stream, place.durable)
        except GONE as error:
            if loop.time() >= end:
                raise Unavailable(
                    f"there is no durable {place.durable} of stream {place.stream}: is the topology declared?"
                ) from error
        else:
            return info.config
        if not told:
            _log.warning("waiting for a durable to be declared", stream=place.stream, durable=place.durable)
            told = True
        await asyncio.sleep(0.25)


def _reorder(suspects: list[Msg]) -> None:
    attempt = max(msg.metadata.num_delivered for msg in suspects)
    suspects.sort(key=lambda msg: msg.metadata.sequence.stream, reverse=attempt > _SUSPECT)
    if attempt > _SUSPECT + 1:
        random.shuffle(suspects)


async def _settle(answer: Awaitable[None]) -> None:
    """Send an acknowledgement; one that is lost leads to a redelivery, which is harmless."""
    try:
        await answer
    except Error as error:
        _log.warning("an acknowledgement was lost", error=str(error))


async def _undecoded(message: NatsMessage) -> NatsMessage:
    return message
