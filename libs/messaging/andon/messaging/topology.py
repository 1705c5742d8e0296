"""The one owner of streams and durables, derived from the contracts."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamSource,
)
from nats.js.errors import NotFoundError

from andon.contracts import (
    FEED,
    FEED_CONTEXTS,
    SERVICES,
    SUBJECTS,
    Command,
    Event,
    Unavailable,
    durable_hearers,
    durable_of,
    stream_of,
)
from andon.messaging._connection import GONE, Connection
from andon.messaging._jetstream import JetStream
from andon.messaging._settings import MEBIBYTE, BusSettings, StreamSettings
from andon.messaging.parking import ADVISED, ADVISORIES, DEAD, DEAD_LETTERS, mover_of

_DAY = 24 * 3600.0
_DUPLICATE_SECONDS = 120.0
_LETTER_DUPLICATE_SECONDS = 3600.0
_ADVISORY_MEBIBYTES = 32


class TopologyConflict(Exception):
    """A stream on the broker can't become what the contracts ask for without losing what it keeps."""


async def declare_topology(settings: BusSettings) -> None:
    """Create or update all streams and durables; running it again changes nothing.

    Raises Unavailable when the broker is away, TopologyConflict when a stream has another retention.
    """
    connection = Connection(settings, "topology")
    await connection.open()
    try:
        for config in streams(settings.streams):
            await _declare_stream(connection.jetstream, config)
        wanted = durables(settings.streams)
        for stream, durable in wanted:
            await connection.jetstream.add_consumer(stream, durable)
        await _forget_unwanted(connection.jetstream, wanted)
    except GONE as error:
        why = error or "the broker does not answer"
        raise Unavailable(f"the topology could not be declared: {why}") from error
    finally:
        await connection.close()


def streams(settings: StreamSettings) -> list[StreamConfig]:
    """Every stream there is, in an order in which they can be made."""
    age = settings.event_days * _DAY
    feed = StreamConfig(FEED, sources=[StreamSource(name) for name in _fed_streams()], max_age=age)
    letters = StreamConfig(DEAD_LETTERS, subjects=[f"{DEAD}.>"], duplicate_window=_LETTER_DUPLICATE_SECONDS)
    advisories = StreamConfig(ADVISORIES, subjects=[f"{ADVISED}.>"], max_age=age)
    return [
        *_context_streams(settings),
        _sized(feed, settings, settings.event_mebibytes),
        _sized(letters, settings, settings.event_mebibytes),
        _sized(advisories, settings, _ADVISORY_MEBIBYTES),
    ]


def durables(settings: StreamSettings) -> list[tuple[str, ConsumerConfig]]:
    """Every durable there is with its stream: one per subject and service that must not miss a message."""
    heard = [(service, subject) for subject in _kept() for service in durable_hearers(subject)]
    found = [
        (stream_of(subject), _durable(durable_of(service, subject), [subject.address], settings))
        for service, subject in heard
    ]
    for service in sorted({service for service, _ in heard}):
        given_up = [
            f"{ADVISED}.{stream_of(subject)}.{durable_of(service, subject)}"
            for hearer, subject in heard
            if hearer == service
        ]
        found.append((ADVISORIES, _durable(mover_of(service), given_up, settings)))
    return found


def _kept() -> list[Event[Any] | Command[Any]]:
    return [subject for subject in SUBJECTS if isinstance(subject, (Event, Command))]


def _fed_streams() -> list[str]:
    events = (subject for subject in _kept() if isinstance(subject, Event) and not subject.stream)
    return sorted({stream_of(event) for event in events if event.context in FEED_CONTEXTS})


def _context_streams(settings: StreamSettings) -> Iterable[StreamConfig]:
    addresses: dict[str, list[str]] = {}
    kinds: dict[str, StreamConfig] = {}
    for subject in _kept():
        name = stream_of(subject)
        addresses.setdefault(name, []).append(subject.address)
        kinds[name] = _stream_for(subject, settings)
    for name, config in kinds.items():
        config.subjects = addresses[name]
    return kinds.values()


def _stream_for(subject: Event[Any] | Command[Any], settings: StreamSettings) -> StreamConfig:
    name = stream_of(subject)
    if isinstance(subject, Command):
        commands = StreamConfig(name, retention=RetentionPolicy.WORK_QUEUE, discard=DiscardPolicy.NEW)
        return _sized(commands, settings, settings.command_mebibytes)
    if subject.stream:
        frames = StreamConfig(name, retention=RetentionPolicy.INTEREST, discard=DiscardPolicy.NEW)
        return _sized(frames, settings, settings.frame_mebibytes)
    events = StreamConfig(name, max_age=settings.event_days * _DAY)
    return _sized(events, settings, settings.event_mebibytes)


def _sized(config: StreamConfig, settings: StreamSettings, mebibytes: int) -> StreamConfig:
    return replace(
        config,
        retention=config.retention or RetentionPolicy.LIMITS,
        duplicate_window=config.duplicate_window or _DUPLICATE_SECONDS,
        max_bytes=mebibytes * MEBIBYTE,
        max_age=config.max_age or 0.0,
        storage=StorageType.FILE,
        num_replicas=settings.replicas,
        allow_direct=True,
    )


def _durable(name: str, addresses: list[str], settings: StreamSettings) -> ConsumerConfig:
    one = len(addresses) == 1
    return ConsumerConfig(
        name=name,
        durable_name=name,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=settings.ack_seconds,
        max_deliver=settings.deliveries,
        filter_subject=addresses[0] if one else None,
        filter_subjects=None if one else addresses,
    )


async def _declare_stream(jetstream: JetStream, config: StreamConfig) -> None:
    name = str(config.name)
    try:
        there = (await jetstream.stream_info(name)).config
    except NotFoundError:
        await jetstream.add_stream(config)
        return
    if there.retention != config.retention:
        raise TopologyConflict(
            f"stream {name} keeps messages by {_word(there.retention)}, the contracts ask for "
            f"{_word(config.retention)}: let its hearers finish, delete it, then declare again"
        )
    await jetstream.update_stream(config)


def _word(retention: RetentionPolicy | None) -> str:
    return RetentionPolicy(retention or RetentionPolicy.LIMITS).value


async def _forget_unwanted(jetstream: JetStream, wanted: list[tuple[str, ConsumerConfig]]) -> None:
    """Drop durables of hearers that are gone: on frames they would hold every message for good."""
    names = {(stream, config.durable_name) for stream, config in wanted}
    ours = tuple(f"{service}_" for service in SERVICES)
    for stream in sorted({stream_of(subject) for subject in _kept()}):
        for info in await jetstream.consumers_info(stream):
            durable = info.config.durable_name
            if durable and durable.startswith(ours) and (stream, durable) not in names:
                await jetstream.delete_consumer(stream, durable)
