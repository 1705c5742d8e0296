"""One connection to the broker that comes back by itself, and what travels on it."""

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, cast
from urllib.parse import urlsplit

from faststream.nats import NatsBroker
from faststream.security import SASLPlaintext
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import (
    ConnectionClosedError,
    Error,
    NoRespondersError,
)

from andon.contracts import TooLarge, Unavailable
from andon.messaging._jetstream import JetStream
from andon.messaging._settings import BusSettings
from andon.telemetry import log

_log = log("andon.messaging")
GONE = (OSError, Error)
"""What a broker that is away, or goes just now, makes the client raise; a timeout is an OSError, too."""

_PATIENCE = (0.05, 0.1, 0.2, 0.5)
_PENDING = 64 * 1024 * 1024
_ONE_TRY = 3.0


class Connection:
    """A FastStream broker with an end to its patience."""

    def __init__(self, settings: BusSettings, name: str) -> None:
        self.settings = settings
        self.broker = NatsBroker(
            [url.strip() for url in settings.url.split(",")],
            name=settings.name or name,
            inbox_prefix=f"_INBOX.{name}",
            max_reconnect_attempts=-1,
            reconnect_time_wait=cast("int", 0.25),
            connect_timeout=2,
            ping_interval=10,
            drain_timeout=5,
            pending_size=_PENDING,
            security=_security(settings),
            apply_types=False,
            serializer=None,  # the contracts read bodies: no model of each handler at every start
            logger=None,
            error_cb=self._failed,
            disconnected_cb=self._lost,
            reconnected_cb=self._back,
        )
        self.returns = 0
        """How often the connection was lost and came back."""
        self.place = ", ".join(_public(url) for url in settings.url.split(","))
        """The address without what may be secret in it."""
        self._up = asyncio.Event()
        self._closing = False
        self._waiting: set[asyncio.Timeout] = set()
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        if self._client is None:
            raise Unavailable("the bus is not connected: start the service first")
        return self._client

    @property
    def jetstream(self) -> JetStream:
        return cast("JetStream", self.client.jetstream(timeout=_ONE_TRY))  # pyright: ignore[reportUnknownMemberType]

    async def open(self) -> None:
        """Connect, waiting for the broker. Raises Unavailable when it does not come."""
        try:
            async with asyncio.timeout(self.settings.connect_timeout):
                self._client = await self.broker.connect()
        except GONE as error:
            raise Unavailable(f"no broker at {self.place}: {error or 'timed out'}") from error
        self._up.set()

    async def close(self) -> None:
        """Say goodbye; what was published is flushed first, when the broker is there."""
        self._closing = True
        try:
            async with asyncio.timeout(6):
                await self.broker.stop()
        except GONE:
            if self._client is not None:
                with suppress(*GONE):
                    async with asyncio.timeout(6):
                        await _drop(self._client)
        self._client = None
        self._up.clear()

    async def up(self, within: float) -> bool:
        """Wait until the broker is there. False when it is still away after `within` seconds."""
        if self.client.is_connected and self._up.is_set():
            return True
        try:
            await asyncio.wait_for(self._up.wait(), within)
        except TimeoutError:
            return False
        return True

    async def ping(self) -> None:
        """A round trip to the broker. Raises Unavailable."""
        if not await self.up(0.5):
            raise Unavailable(f"the broker at {self.place} is away")
        try:
            async with asyncio.timeout(2) as limit:
                with self._unless_lost(limit):
                    await self.client.flush(timeout=3)
        except GONE as error:
            raise Unavailable(f"the broker at {self.place} does not answer") from error

    async def keep(self, address: str, body: bytes, headers: dict[str, str]) -> int:
        """Publish into a stream and wait until it is kept; returns the sequence.

        Raises Unavailable when that does not succeed in `say_timeout`, TooLarge above the broker's limit.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + self.settings.say_timeout
        why = "the broker is away"
        for tries in range(1_000_000):
            left = end - loop.time()
            if left <= 0 or not await self.up(left):
                break
            try:
                reply = await self._request(address, body, headers, min(left, _ONE_TRY))
            except NoRespondersError:
                why = "no stream keeps it; is the topology declared?"
            except GONE as error:
                why = str(error) or "the broker does not answer"
            else:
                answer = json.loads(reply.data)
                if "error" not in answer:
                    return int(answer["seq"])
                why = answer["error"].get("description", "refused by the broker")
            await asyncio.sleep(min(_PATIENCE[min(tries, 3)], max(end - loop.time(), 0)))
        raise Unavailable(f"could not say {address}: {why}")

    async def request(self, address: str, body: bytes, headers: dict[str, str], within: float) -> Msg:
        """Ask and wait for the reply. Raises Unavailable when none comes within so many seconds."""
        loop = asyncio.get_running_loop()
        end = loop.time() + within
        for tries in range(1_000_000):
            left = end - loop.time()
            if left <= 0 or not await self.up(left):
                break
            try:
                return await self._request(address, body, headers, left)
            except NoRespondersError:
                # A server may not know yet of a subscription made a moment ago.
                await asyncio.sleep(min(_PATIENCE[min(tries, 3)], max(end - loop.time(), 0)))
            except GONE as error:
                raise Unavailable(f"no answer from {address} in {within:g} s") from error
        raise Unavailable(f"nobody answers {address}")

    async def _request(self, address: str, body: bytes, headers: dict[str, str], within: float) -> Msg:
        # The client counts the body alone; the server counts headers, too, and cuts off who sends more.
        size = len(body) + sum(len(name) + len(value.encode()) + 4 for name, value in headers.items()) + 16
        if size > self.client.max_payload:
            raise TooLarge(f"{len(body)} bytes and their headers are more than the bus takes")
        async with asyncio.timeout(within) as limit:
            with self._unless_lost(limit):
                return await self.client.request(address, body, within + 1, headers=headers)

    @contextmanager
    def _unless_lost(self, limit: asyncio.Timeout) -> Generator[None]:
        """Let a limit end at once when the connection breaks: what was sent before gets no answer."""
        self._waiting.add(limit)
        try:
            yield
        finally:
            self._waiting.discard(limit)

    async def reply(self, msg: Msg, body: bytes, headers: dict[str, str]) -> None:
        """Answer a question; a lost connection loses the answer, and the asker asks again."""
        if not msg.reply:
            return
        try:
            await self.client.publish(msg.reply, body, headers=headers or None)
        except ConnectionClosedError:
            _log.warning("an answer was lost, the connection is closed", subject=msg.subject)

    async def _failed(self, error: Exception) -> None:
        if self._up.is_set():
            _log.warning("bus trouble", error=repr(error))

    async def _lost(self) -> None:
        self._up.clear()
        now = asyncio.get_running_loop().time()
        for limit in self._waiting:
            limit.reschedule(now)
        if not self._closing:
            _log.warning("the broker is away", url=self.place)

    async def _back(self) -> None:
        self.returns += 1
        self._up.set()
        _log.info("the broker is back", url=self.place)


async def _drop(client: Client) -> None:
    # Closing raises and leaves tasks behind when there is something to flush and nobody to take it.
    client._pending.clear()  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    client._pending_data_size = 0  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    await client.close()


def _public(url: str) -> str:
    parts = urlsplit(url.strip())
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _security(settings: BusSettings) -> Any:
    if settings.user is None:
        return None
    password = settings.password.get_secret_value() if settings.password else ""
    return SASLPlaintext(username=settings.user, password=password)
