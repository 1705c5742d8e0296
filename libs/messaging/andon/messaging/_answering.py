"""Answering questions: many at once, good answers as they are, bad ones as a problem."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

from faststream.nats import NatsMessage
from nats.aio.msg import Msg
from pydantic import ValidationError

from andon.contracts import Invalid, Message, Problem, Query, Refused
from andon.messaging import _wire
from andon.messaging._connection import GONE, Connection
from andon.messaging._delivery import Delivery
from andon.messaging._slots import Slots
from andon.telemetry import extract, log, metrics, trace, trace_id

_log = log("andon.messaging")
M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Message)
Answer = Callable[[M, Delivery], Awaitable[R]]


class Answering(Generic[M, R]):
    """One query that a service answers."""

    def __init__(self, service: str, query: Query[M, R], handler: Answer[M, R], workers: int) -> None:
        self._service = service
        self._query = query
        self._handler = handler
        self._slots = Slots(workers)
        self._connection: Connection
        self._subscriber: Any = None

    def register(self, connection: Connection) -> None:
        """Give FastStream the subscriber, in the service's queue group."""
        self._connection = connection
        self._subscriber = connection.broker.subscriber(
            self._query.address, queue=self._service, no_reply=True, decoder=_undecoded
        )
        self._subscriber(self._take)

    async def stop(self, grace: float) -> None:
        """Take no more questions and let what runs end within `grace` seconds."""
        if self._subscriber is not None and self._subscriber.subscription is not None:
            subscription, self._subscriber.subscription = self._subscriber.subscription, None
            with suppress(*GONE):
                async with asyncio.timeout(grace + 1):
                    await subscription.drain()
        await self._slots.finish(grace)

    async def _take(self, message: NatsMessage) -> None:
        await self._slots.room()
        raw = message.raw_message
        message.body = b""  # it lives in a cycle until the collector comes: megabytes must not wait for that
        self._slots.start(self._answer(raw))

    async def _answer(self, msg: Msg) -> None:
        delivery = _wire.asked(msg)
        msg.data = b""
        with trace(f"answer {self._query.address}", parent=extract(delivery.headers)):
            try:
                reply = await self._handler(_wire.parsed(self._query, delivery), delivery)
            except ValidationError as error:
                refused = Invalid("the question is not valid", _wire.invalid_fields(error))
                await self._refuse(msg, refused.problem)
            except Refused as refused:
                await self._refuse(msg, refused.problem)
            except asyncio.CancelledError:
                await self._refuse(msg, _stopping())
                raise
            except Exception as error:  # noqa: BLE001 - whatever an answerer raises is told to the asker
                _log.error("an answer failed", subject=self._query.address, exc_info=error)
                await self._refuse(msg, _internal())
            else:
                metrics.BUS_MESSAGES.labels(self._query.address, "answered").inc()
                await self._connection.reply(msg, reply.model_dump_json().encode(), {})

    async def _refuse(self, msg: Msg, problem: Problem) -> None:
        metrics.BUS_MESSAGES.labels(self._query.address, "refused").inc()
        told = problem.model_copy(update={"trace_id": problem.trace_id or trace_id() or None})
        await self._connection.reply(msg, told.model_dump_json().encode(), {_wire.PROBLEM: "1"})


def _internal() -> Problem:
    return Problem(code="internal", status=500, message="something went wrong inside; the log says what")


def _stopping() -> Problem:
    return Problem(code="unavailable", status=503, message="the service stops; ask again")


async def _undecoded(message: NatsMessage) -> NatsMessage:
    return message
