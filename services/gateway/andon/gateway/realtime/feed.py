"""One follower of the bus's feed per process, fanned out to every connected client."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from andon.contracts import FEED, Event, Message
from andon.messaging import Delivery, Service
from andon.telemetry import metrics

Render = Callable[[Any], Mapping[str, Any]]
_QUEUED = 256
"""Notices a client may be behind before it is cut off; about ten seconds of a busy line."""


@dataclass(frozen=True)
class Channel:
    """How one event is shown to clients."""

    kind: str | Callable[[Any], str | None]
    """The `type` of a WebSocket message; where it depends on the event, None for what is not told."""
    render: Render

    def kind_of(self, message: Message) -> str | None:
        return self.kind if isinstance(self.kind, str) else self.kind(message)


@dataclass(frozen=True)
class Notice:
    """Something to tell clients, encoded once for all of them."""

    sequence: int
    """Its place in the feed; 0 for what has none, such as a heartbeat."""
    address: str
    kind: str
    body: str
    """JSON in one line."""

    @cached_property
    def message(self) -> str:
        """As a WebSocket carries it."""
        return f'{{"type":"{self.kind}","data":{self.body}}}'

    @cached_property
    def event(self) -> bytes:
        """As an event stream carries it."""
        place = f"id: {self.sequence}\n" if self.sequence else ""
        return f"{place}event: {self.address}\ndata: {self.body}\n\n".encode()


class Ending(StrEnum):
    """Why a client's stream ends from our side."""

    SLOW = "slow"
    SIGNED_OUT = "signed out"


@dataclass(eq=False)
class Listener:
    """One connected client: a bounded queue that never holds up the others."""

    session_id: str
    transport: str
    """ws or sse, for the metrics."""
    ending: Ending | None = None
    _queue: asyncio.Queue[Notice] = field(default_factory=lambda: asyncio.Queue(_QUEUED))
    _ended: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, notice: Notice) -> None:
        if self.ending is None and self._queue.full():
            metrics.CLIENTS_SHED.labels(kind=self.transport).inc()
            self.end(Ending.SLOW)
        elif self.ending is None:
            self._queue.put_nowait(notice)

    def end(self, why: Ending) -> None:
        self.ending = self.ending or why
        self._ended.set()

    async def next(self) -> Notice:
        return await self._queue.get()

    async def ended(self) -> None:
        """Waits until this side wants the stream to end; why is in `ending`."""
        await self._ended.wait()


@dataclass
class Feed:
    """Everything clients may hear, in the order of the feed."""

    bus: Service
    channels: Mapping[Event[Any], Channel]
    reactions: list[Callable[[Message], None]] = field(default_factory=list[Callable[[Message], None]])
    """Told each message before the clients are."""
    _listeners: set[Listener] = field(default_factory=set[Listener])
    _sequence: int = -1
    _placing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def place(self) -> int:
        """Where to follow from: the end of the feed at first, then after what was heard."""
        async with self._placing:
            if self._sequence < 0:
                self._sequence = await self.bus.last_sequence(FEED)
        return self._sequence

    async def hear(self, message: Message, delivery: Delivery) -> None:
        """Reaction to every event of the feed."""
        self._react(message, delivery.sequence)
        if self._listeners and (notice := self.notice(delivery.subject, message, delivery.sequence)):
            self.tell(notice)

    def replayed(self, address: str, message: Message, sequence: int) -> Notice | None:
        """As `notice`, for who reads the feed by himself and may be ahead of it."""
        if sequence > self._sequence:
            self._react(message, self._sequence)
        return self.notice(address, message, sequence)

    def notice(self, address: str, message: Message, sequence: int) -> Notice | None:
        """None for what clients are not told."""
        channel = self._by_address.get(address)
        kind = None if channel is None else channel.kind_of(message)
        if channel is None or kind is None:
            return None
        return Notice(sequence, address, kind, encoded(channel.render(message)))

    def tell(self, notice: Notice, transport: str | None = None) -> None:
        """Hand a notice to all clients, or to those of one transport."""
        for listener in tuple(self._listeners):
            if transport in (None, listener.transport):
                listener.offer(notice)

    def _react(self, message: Message, sequence: int) -> None:
        self._sequence = sequence
        for react in self.reactions:
            react(message)

    async def join(self, session_id: str, transport: str) -> Listener:
        """From when this returns, nothing that is said is missed. Raises Unavailable."""
        await self.place()
        listener = Listener(session_id, transport)
        self._listeners.add(listener)
        metrics.LIVE_CLIENTS.labels(kind=transport).inc()
        return listener

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        metrics.LIVE_CLIENTS.labels(kind=listener.transport).dec()

    def sign_out(self, session_id: str) -> None:
        """End the streams of a session."""
        for listener in tuple(self._listeners):
            if listener.session_id == session_id:
                listener.end(Ending.SIGNED_OUT)

    def has(self, transport: str) -> bool:
        return any(listener.transport == transport for listener in self._listeners)

    def __post_init__(self) -> None:
        self._by_address = {subject.address: channel for subject, channel in self.channels.items()}


def encoded(data: Mapping[str, Any]) -> str:
    """JSON in one line."""
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False)
