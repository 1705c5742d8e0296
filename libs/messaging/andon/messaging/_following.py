"""Following a stream in order from a place that the follower remembers; the broker remembers nothing."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from pydantic import ValidationError

from andon.contracts import FEED, FEED_CONTEXTS, Event, Message, Subject, Unavailable, stream_of
from andon.messaging import _wire
from andon.messaging._connection import GONE, Connection
from andon.messaging._delivery import OUTAGE, Delivery
from andon.messaging._pull import Lost, Pull
from andon.messaging._slots import ended
from andon.telemetry import extract, log, metrics, trace

_log = log("andon.messaging")
Follower = Callable[[Message, Delivery], Awaitable[None]]

BATCH = 256
_FETCH_SECONDS = 1.0
_FORGOTTEN_SECONDS = 60.0


class Following:
    """One follower of one stream."""

    def __init__(
        self,
        subjects: Sequence[Event[Any]],
        handler: Follower,
        after: Callable[[], Awaitable[int]],
        stream: str | None,
    ) -> None:
        self.stream = stream or _stream_over(subjects)
        """Whose sequences count."""
        self._subjects: dict[str, Event[Any]] = {subject.address: subject for subject in subjects}
        self._handler = handler
        self._after = after
        self.placed = asyncio.Event()
        """Set once it knows where to begin: what is said from then on is not missed."""
        self._position = 0
        self._busy = asyncio.Lock()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._connection: Connection

    def start(self, connection: Connection) -> None:
        self._connection = connection
        self._task = asyncio.create_task(self._run())

    async def stop(self, grace: float) -> None:
        """Let the message at work end within `grace` seconds."""
        self._stopping.set()
        if self._task is None:
            return
        with suppress(TimeoutError):
            await asyncio.wait_for(self._busy.acquire(), grace)
        await ended((self._task,))

    async def _run(self) -> None:
        failures = 0
        while True:
            try:
                if not self.placed.is_set():
                    self._position = await self._place()
                    self.placed.set()
                async with consumer(
                    self._connection, self.stream, tuple(self._subjects), self._position + 1
                ) as pull:
                    failures = 0
                    await self._read(pull)
            except (Lost, Unavailable, *GONE) as error:
                failures += 1
                _log.warning("following paused", stream=self.stream, after=self._position, error=str(error))
            except Exception as error:  # noqa: BLE001 - `after` reads a store, and may fail in its own ways
                failures += 1
                _log.warning("following can't start", stream=self.stream, exc_info=error)
            if failures:
                await asyncio.sleep(OUTAGE.rest(failures))
            await self._connection.up(60)

    async def _place(self) -> int:
        after = await self._after()
        last = (await self._connection.jetstream.stream_info(self.stream)).state.last_seq
        if after < 0:
            return last
        if after <= last:
            return after
        # A power cut may take the newest from a stream: what is left was heard. A far shorter one is new.
        begin = last if last * 2 > after else 0
        _log.warning(
            "the stream is shorter than what was heard", stream=self.stream, after=after, begin=begin
        )
        return begin

    async def _read(self, pull: Pull) -> None:
        """Hand on messages until something was lost."""
        returns = self._connection.returns
        expected = 1
        while returns == self._connection.returns:
            batch = await pull.fetch(BATCH, _FETCH_SECONDS)
            for msg in batch:
                meta = msg.metadata.sequence
                if meta.consumer != expected:
                    return
                expected += 1
                if meta.stream > self._position:
                    await self._hand_on(msg)
                    self._position = meta.stream

    async def _hand_on(self, msg: Msg) -> None:
        delivery = _wire.kept(msg)
        subject = self._subjects.get(delivery.subject)
        if subject is None:
            return
        async with self._busy:
            try:
                message = _wire.parsed(subject, delivery)
            except ValidationError as error:
                # It will never be readable: to wait for it would stop this follower for good.
                _log.error(
                    "passed over an unreadable message",
                    subject=delivery.subject,
                    sequence=delivery.sequence,
                    error=str(error),
                )
                return
            with trace(f"follow {delivery.subject}", parent=extract(delivery.headers)):
                await self._handled(message, delivery)

    async def _handled(self, message: Message, delivery: Delivery) -> None:
        failures = 0
        while True:
            try:
                await self._handler(message, delivery)
            except Exception as error:  # noqa: BLE001 - a follower may not skip, whatever its handler raises
                failures += 1
                metrics.BUS_MESSAGES.labels(delivery.subject, "waited").inc()
                _log.warning(
                    "a follower failed and tries again",
                    subject=delivery.subject,
                    sequence=delivery.sequence,
                    exc_info=error,
                )
            else:
                metrics.BUS_MESSAGES.labels(delivery.subject, "done").inc()
                return
            await self._rest(failures)

    async def _rest(self, failures: int) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), OUTAGE.rest(failures))
            raise asyncio.CancelledError  # not handled, so not counted as heard


@asynccontextmanager
async def consumer(
    connection: Connection, stream: str, addresses: Sequence[str], start: int
) -> AsyncGenerator[Pull]:
    """A nameless reader of a stream from a sequence on; the broker forgets it by itself."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE if start > 1 else DeliverPolicy.ALL,
        opt_start_seq=start if start > 1 else None,
        ack_policy=AckPolicy.NONE,
        filter_subjects=list(addresses) or None,
        inactive_threshold=_FORGOTTEN_SECONDS,
        mem_storage=True,
        num_replicas=1,
    )
    info = await connection.jetstream.add_consumer(stream, config)
    pull = Pull(connection, stream, info.name)
    await pull.open()
    try:
        yield pull
    finally:
        await pull.close()
        if connection.client.is_connected:
            with suppress(*GONE):  # a cancellation goes on through it
                await connection.jetstream.delete_consumer(stream, info.name)


def _stream_over(subjects: Sequence[Event[Any]]) -> str:
    streams = {stream_of(subject) for subject in subjects}
    if len(streams) == 1:
        return streams.pop()
    if strangers := [s.address for s in subjects if not in_feed(s)]:
        raise ValueError(f"{', '.join(strangers)} can't be followed beside others: it is not in the feed")
    return FEED


def in_feed(event: Subject[Any]) -> bool:
    """Whether the feed gathers an event."""
    return isinstance(event, Event) and event.stream is None and event.context in FEED_CONTEXTS
