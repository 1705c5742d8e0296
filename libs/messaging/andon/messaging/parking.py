"""Dead letters: messages that can't be served, kept with their reason until someone looks."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, cast

from nats.js.api import RawStreamMsg, RetentionPolicy
from nats.js.errors import NotFoundError

from andon.contracts import Event, Message, NotFound, TooLarge, Unavailable
from andon.messaging import _wire
from andon.messaging._connection import GONE, Connection
from andon.messaging._delivery import Delivery, Place
from andon.messaging._settings import BusSettings
from andon.telemetry import log, metrics

_log = log("andon.messaging")

DEAD_LETTERS = "dead-letters"
DEAD = "dead"
ADVISORIES = "advisories"
ADVISED = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES"

REASON = "Andon-Reason"
CODE = "Andon-Code"
ORIGIN_STREAM = "Andon-Origin-Stream"
ORIGIN_SEQUENCE = "Andon-Origin-Sequence"
ORIGIN_SUBJECT = "Andon-Origin-Subject"
ATTEMPTS = "Andon-Attempts"
SERVICE = "Andon-Service"
REPLAYED = "Andon-Replayed"
LEFT_OUT = "Andon-Body-Left-Out"
_OF_THE_BUS = ("Nats-", "Andon-")


def mover_of(service: str) -> str:
    """The durable by which a service hears that the broker gave up on one of its messages."""
    return f"{service}_parking"


class GivenUp(Message):
    """The broker's advisory that a message was delivered too often without an answer."""

    stream: str
    consumer: str
    stream_seq: int
    deliveries: int


GIVEN_UP = Event(
    f"{ADVISED}.>",
    GivenUp,
    "The broker stopped delivering a message.",
    said_by=(),
    heard_by=(),
    stream=ADVISORIES,
)


async def park(connection: Connection, place: Place, delivery: Delivery, code: str, reason: str) -> None:
    """Publish to the dead letters, once per message and durable. Raises Unavailable."""
    headers = _own(delivery.headers) | {
        REASON: reason[:1000],
        CODE: code,
        ORIGIN_STREAM: place.stream,
        ORIGIN_SEQUENCE: str(delivery.sequence),
        ORIGIN_SUBJECT: delivery.subject,
        ATTEMPTS: str(delivery.attempt),
        SERVICE: place.service,
        _wire.ID: f"{place.stream}:{delivery.sequence}:{place.durable}",
    }
    address = f"{DEAD}.{place.service}.{delivery.subject}"
    try:
        await connection.keep(address, delivery.body, headers)
    except TooLarge:  # with its reason beside it, it is larger than the bus takes
        await connection.keep(address, b"", headers | {LEFT_OUT: str(len(delivery.body))})
    metrics.BUS_PARKED.labels(delivery.subject).inc()
    _log.error(
        "parked",
        subject=delivery.subject,
        sequence=delivery.sequence,
        attempts=delivery.attempt,
        code=code,
        reason=reason,
    )


@dataclass(frozen=True)
class Mover:
    """Moves messages whose hearer died every time to the dead letters."""

    service: str
    connection: Connection

    async def move(self, advisory: GivenUp, _delivery: Delivery) -> None:
        jetstream = self.connection.jetstream
        try:
            raw = await jetstream.get_msg(advisory.stream, advisory.stream_seq, direct=True)
            retention = (await jetstream.stream_info(advisory.stream)).config.retention
        except NotFoundError:
            return  # acknowledged after all, or aged out
        except GONE as error:
            raise Unavailable(f"the broker does not hand out {advisory.stream}") from error
        delivery = _stored(raw, advisory.deliveries)
        reason = f"{self.service} ended {advisory.deliveries} times without an answer to it"
        place = Place(self.service, advisory.stream, advisory.consumer)
        await park(self.connection, place, delivery, "crashed", reason)
        if retention is not RetentionPolicy.LIMITS:
            await jetstream.delete_msg(advisory.stream, advisory.stream_seq)


@dataclass(frozen=True)
class Parked:
    """A dead letter."""

    sequence: int
    """Its place in the dead letters; what `replay` takes."""
    subject: str
    service: str
    """Who could not serve it."""
    code: str
    reason: str
    attempts: int
    origin_stream: str
    origin_sequence: int
    time: datetime
    """When it was parked, UTC."""
    headers: Mapping[str, str]
    body: bytes


class ParkedMessages:
    """Reads and replays the dead letters; `async with ParkedMessages(settings) as parked`."""

    def __init__(self, settings: BusSettings) -> None:
        self._connection = Connection(settings, "parked")

    async def __aenter__(self) -> Self:
        await self._connection.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._connection.close()

    async def list(self, limit: int = 50) -> "list[Parked]":
        """Up to `limit` dead letters, newest first."""
        found: list[Parked] = []
        state = (await self._connection.jetstream.stream_info(DEAD_LETTERS)).state
        sequence = state.last_seq
        while sequence >= max(state.first_seq, 1) and len(found) < limit:
            with suppress(NotFound):
                found.append(await self.get(sequence))
            sequence -= 1
        return found

    async def get(self, sequence: int) -> Parked:
        """One dead letter. Raises NotFound."""
        try:
            raw = await self._connection.jetstream.get_msg(DEAD_LETTERS, sequence, direct=True)
        except NotFoundError as error:
            raise NotFound(f"there is no dead letter {sequence}") from error
        return _parked(raw)

    async def replay(self, sequence: int) -> int:
        """Say a dead letter again where it came from and drop it here; returns its new sequence.

        Everyone who hears the subject hears it again; what they do is safe to repeat.
        """
        letter = await self.get(sequence)
        headers = _own(letter.headers) | {
            REPLAYED: str(sequence),
            _wire.ID: f"replayed:{sequence}",
        }
        said = await self._connection.keep(letter.subject, letter.body, headers)
        await self._connection.jetstream.delete_msg(DEAD_LETTERS, sequence)
        return said


def _own(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if not name.startswith(_OF_THE_BUS)}


def _headers(raw: RawStreamMsg) -> dict[str, str]:
    return cast("dict[str, str]", raw.headers or {})  # pyright: ignore[reportUnknownMemberType]


def _stored(raw: RawStreamMsg, attempts: int) -> Delivery:
    at = raw.time or datetime.now(UTC)
    return Delivery(raw.subject or "", raw.seq or 0, attempts, at, _headers(raw), raw.data or b"")


def _parked(raw: RawStreamMsg) -> Parked:
    headers = _headers(raw)
    return Parked(
        sequence=raw.seq or 0,
        subject=headers.get(ORIGIN_SUBJECT, ""),
        service=headers.get(SERVICE, ""),
        code=headers.get(CODE, ""),
        reason=headers.get(REASON, ""),
        attempts=int(headers.get(ATTEMPTS, "0")),
        origin_stream=headers.get(ORIGIN_STREAM, ""),
        origin_sequence=int(headers.get(ORIGIN_SEQUENCE, "0")),
        time=raw.time or datetime.now(UTC),
        headers=headers,
        body=raw.data or b"",
    )
