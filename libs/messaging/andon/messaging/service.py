"""The front door: one service's place on the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar
from uuid import uuid4

from andon.contracts import (
    SUBJECTS,
    Command,
    Event,
    Message,
    Query,
    Unavailable,
    durable_hearers,
    durable_of,
    raised,
    stream_of,
)
from andon.messaging import _wire
from andon.messaging._answering import Answering
from andon.messaging._connection import GONE, Connection
from andon.messaging._delivery import Delivery, Place, Retry
from andon.messaging._following import BATCH, Following, consumer
from andon.messaging._hearing import Hearing
from andon.messaging._pull import Lost
from andon.messaging._settings import BusSettings
from andon.messaging.parking import ADVISORIES, GIVEN_UP, Mover, mover_of
from andon.telemetry import inject, metrics, trace

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)

_PLACE_SECONDS = 2.0


class Service:
    """What a service hears, answers and follows is named before `start`; it says and asks after."""

    def __init__(self, name: str, settings: BusSettings) -> None:
        self.name = name
        self._settings = settings
        self._connection = Connection(settings, name)
        self._hearings: list[Hearing[Any]] = []
        self._answerings: list[Answering[Any, Any]] = []
        self._followings: list[Following] = []
        self._started = False

    def hears(
        self,
        subject: Event[M] | Command[M],
        handler: Callable[[M, Delivery], Awaitable[None]],
        *,
        workers: int = 1,
        retry: Retry = Retry(),  # noqa: B008 - frozen
    ) -> None:
        """Run `handler` for each message, up to `workers` at once; a message is done when it returns.

        Refused (4xx) or an unreadable payload parks the message at once with its reason. Unavailable waits
        in place until it works. Anything else is retried with growing delay, then parked.
        """
        self._not_started()
        if self.name not in durable_hearers(subject):
            raise ValueError(
                f"the contracts name no durable of {self.name} for {subject.address}: follow it?"
            )
        place = Place(self.name, stream_of(subject), durable_of(self.name, subject))
        self._hearings.append(Hearing(place, subject, handler, workers, retry))

    def answers(
        self, query: Query[M, R], handler: Callable[[M, Delivery], Awaitable[R]], *, workers: int = 64
    ) -> None:
        """Answer a query, up to `workers` at once; processes of one service share the questions."""
        self._not_started()
        self._answerings.append(Answering(self.name, query, handler, workers))

    def follows(
        self,
        subjects: Sequence[Event[Any]],
        handler: Callable[[Message, Delivery], Awaitable[None]],
        *,
        after: Callable[[], Awaitable[int]],
        stream: str | None = None,
    ) -> None:
        """Hand on events in stream order, each once, from sequence `after() + 1`; below 0: only what is new.

        Subjects of several contexts are read from the feed, whose sequences then count. A failing handler is
        run again until it succeeds: a follower skips nothing it can read.
        """
        self._not_started()
        self._followings.append(Following(subjects, handler, after, stream))

    async def say(
        self, subject: Event[M] | Command[M], message: M, *, once: str | None = None, body: bytes = b""
    ) -> int:
        """Put a message into its stream; returns its sequence once the broker keeps it.

        The same `once` within two minutes is kept only once per subject. Rides out a broker restart for
        `say_timeout` seconds, then raises Unavailable.
        """
        key = once or uuid4().hex
        headers = _wire.headers_of(subject, message) | _wire.cloud_event(subject.address, self.name, key)
        headers[_wire.ID] = f"{subject.address}:{key}"
        inject(headers)
        said = _wire.body_of(subject, message, body)
        sequence = await self._connection.keep(subject.address, said, headers)
        metrics.BUS_MESSAGES.labels(subject.address, "said").inc()
        return sequence

    async def ask(
        self,
        query: Query[M, R],
        message: M,
        *,
        body: bytes = b"",
        timeout: float = 5.0,  # noqa: ASYNC109
    ) -> R:
        """The answer to a question. Raises what the other side raised; no answer in time is Unavailable."""
        headers = _wire.headers_of(query, message) | _wire.cloud_event(query.address, self.name, uuid4().hex)
        with trace(f"ask {query.address}"):
            inject(headers)
            reply = await self._connection.request(
                query.address, _wire.body_of(query, message, body), headers, timeout
            )
        if problem := _wire.problem_in(reply):
            raise raised(problem)
        return query.reply.model_validate_json(reply.data)

    async def replay(self, stream: str, after: int, limit: int) -> list[tuple[str, Message, Delivery]]:
        """Up to `limit` messages of a stream with sequences above `after`, oldest first.

        Each is (address, message, delivery); subjects that the contracts don't know are left out.
        Raises Unavailable.
        """
        try:
            return await self._replay(stream, after, limit)
        except (Lost, *GONE) as error:
            raise Unavailable(f"stream {stream} can't be read: {error}") from error

    async def last_sequence(self, stream: str) -> int:
        """The sequence of a stream's newest message; 0 when there never was one. Raises Unavailable."""
        try:
            return (await self._connection.jetstream.stream_info(stream)).state.last_seq
        except GONE as error:
            raise Unavailable(f"stream {stream} can't be read: {error}") from error

    async def ping(self) -> None:
        """A round trip to the broker. Raises Unavailable."""
        await self._connection.ping()

    async def start(self) -> None:
        """Connect, wait for the durables this service hears, then begin. Raises Unavailable."""
        self._not_started()
        self._started = True
        try:
            await self._connection.open()
            await self._begin()
        except BaseException:
            await self.stop(grace=0)
            raise

    async def stop(self, grace: float = 10.0) -> None:
        """Take nothing new, let handlers end within `grace` seconds, give back the rest, disconnect."""
        parts = [*self._hearings, *self._answerings, *self._followings]
        await asyncio.gather(*(part.stop(grace) for part in parts))
        await self._connection.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self.stop()

    async def _begin(self) -> None:
        if self._hearings:
            mover = Mover(self.name, self._connection)
            place = Place(self.name, ADVISORIES, mover_of(self.name))
            self._hearings.append(Hearing(place, GIVEN_UP, mover.move, workers=1, retry=Retry()))
        await asyncio.gather(*(hearing.declared(self._connection) for hearing in self._hearings))
        for answering in self._answerings:
            answering.register(self._connection)
        for hearing in self._hearings:
            await hearing.register()
        await self._connection.broker.start()
        for hearing in self._hearings:
            hearing.fetch()
        for following in self._followings:
            following.start(self._connection)
        with suppress(TimeoutError):  # a place kept in a store that is away does not hold up the start
            async with asyncio.timeout(_PLACE_SECONDS):
                await asyncio.gather(*(following.placed.wait() for following in self._followings))
        # A PING overtakes what the client has not written yet: the second one goes behind our subscriptions.
        for _ in range(2):
            await self._connection.client.flush()

    async def _replay(self, stream: str, after: int, limit: int) -> list[tuple[str, Message, Delivery]]:
        jetstream = self._connection.jetstream
        state = (await jetstream.stream_info(stream)).state
        found: list[tuple[str, Message, Delivery]] = []
        if state.last_seq <= after:
            return found
        known = {subject.address: subject for subject in SUBJECTS}
        async with consumer(self._connection, stream, (), after + 1) as pull:
            last = after
            while len(found) < limit and last < state.last_seq:
                batch = await pull.fetch(min(BATCH, limit - len(found)), 2.0)
                for msg in batch:
                    delivery = _wire.kept(msg)
                    last = delivery.sequence
                    if (subject := known.get(delivery.subject)) is not None:
                        found.append((delivery.subject, _wire.parsed(subject, delivery), delivery))
                if not batch:
                    break
        return found

    def _not_started(self) -> None:
        if self._started:
            raise RuntimeError(f"service {self.name} is started; name what it hears before")
