"""Reading a consumer by requests that stay open on the broker: a message comes the moment there is one."""

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

from nats.aio.msg import Msg

from andon.messaging._connection import GONE, Connection

if TYPE_CHECKING:
    from nats.aio.subscription import Subscription

_OPEN_SECONDS = 20.0
_SLACK = 1.0
_STATUS = "Status"
_UNUSED = "Nats-Pending-Messages"
_NO_ANSWER = "503"
_HEARTBEAT = "100"


class Lost(Exception):
    """The consumer is gone, or JetStream is not up yet."""


class Pull:
    """Fetches from one consumer; no more is under way than was asked for.

    nats-py's own fetch costs two requests and four tasks per message at a low rate, and drops what
    arrives while it is cancelled; this one keeps count instead.
    """

    def __init__(self, connection: Connection, stream: str, consumer: str) -> None:
        self.ready: deque[Msg] = deque()
        """Messages that came and were not fetched yet."""
        self._connection = connection
        self._address = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._open: deque[list[float]] = deque()
        """Requests on the broker, oldest first, as [until, messages still to come]."""
        self._returns = connection.returns
        self._inbox = connection.client.new_inbox()
        self._arrived = asyncio.Event()
        self._lost: str | None = None
        self._subscription: Subscription | None = None

    async def open(self) -> None:
        self._subscription = await self._connection.client.subscribe(  # pyright: ignore[reportUnknownMemberType]
            self._inbox, cb=self._arrive, pending_msgs_limit=-1, pending_bytes_limit=-1
        )

    async def fetch(self, limit: int, within: float) -> list[Msg]:
        """1 to `limit` messages as soon as there are any; none after `within` seconds. Raises Lost."""
        coming = len(self.ready) + self._under_way()
        if coming * 2 <= limit:  # one request for several messages: each is a system call
            await self._ask(limit - coming)
        if not self.ready:
            await self._arrival(within)
        if self._lost is not None:
            why, self._lost = self._lost, None
            self._open.clear()
            raise Lost(why)
        return [self.ready.popleft() for _ in range(min(limit, len(self.ready)))]

    def wake(self) -> None:
        """Let a waiting `fetch` return."""
        self._arrived.set()

    async def close(self) -> list[Msg]:
        """Ask for nothing more; returns the messages that came and were not fetched."""
        if self._subscription is not None:
            with suppress(*GONE):
                async with asyncio.timeout(2):
                    await self._subscription.drain()
        self.wake()
        rest = list(self.ready)
        self.ready.clear()
        return rest

    async def unsubscribe(self) -> None:
        """What FastStream calls when it stops a subscriber."""

    def _under_way(self) -> int:
        if self._returns != self._connection.returns:
            self._returns = self._connection.returns
            self._open.clear()
        now = asyncio.get_running_loop().time()
        while self._open and self._open[0][0] < now:
            self._open.popleft()
        return int(sum(request[1] for request in self._open))

    async def _ask(self, messages: int) -> None:
        request = {"batch": messages, "expires": int(_OPEN_SECONDS * 1e9)}
        until = asyncio.get_running_loop().time() + _OPEN_SECONDS + _SLACK
        self._open.append([until, messages])
        await self._connection.client.publish(self._address, json.dumps(request).encode(), self._inbox)

    async def _arrival(self, within: float) -> None:
        self._arrived.clear()
        handle = asyncio.get_running_loop().call_later(within, self._arrived.set)
        try:
            await self._arrived.wait()
        finally:
            handle.cancel()

    async def _arrive(self, msg: Msg) -> None:
        headers = msg.headers
        if headers and not msg.data and _STATUS in headers:
            self._told(headers[_STATUS], headers)
        else:
            self.ready.append(msg)
            self._ended(1)
        self._arrived.set()

    def _told(self, status: str, headers: dict[str, str]) -> None:
        if status == _HEARTBEAT:
            return
        why = headers.get("Description", "")
        if status == _NO_ANSWER or "Consumer Deleted" in why:
            self._lost = why or "JetStream does not answer"
        if _UNUSED in headers:
            self._ended(int(headers[_UNUSED]))
        else:
            self._open.clear()

    def _ended(self, messages: int) -> None:
        while messages > 0 and self._open:
            part = min(messages, int(self._open[0][1]))
            self._open[0][1] -= part
            messages -= part
            if self._open[0][1] <= 0:
                self._open.popleft()
