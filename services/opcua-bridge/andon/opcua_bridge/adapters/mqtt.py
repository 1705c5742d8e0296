"""One connection to the operator's MQTT broker, on paho's network thread."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from socket import IPPROTO_TCP, SHUT_RDWR, TCP_NODELAY
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

from andon.contracts import Unavailable

WINDOW = 16
"""Messages under way at once; brokers commonly allow a client 20."""

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}
_CONNECT_SECONDS, _CONFIRM_SECONDS, _GOODBYE_SECONDS = 5.0, 10.0, 2.0
_KEEPALIVE_SECONDS = 15
"""A silent connection is given up after one and a half of it, and the broker says the last will."""
_MOST_HEARD = 64


class MqttSettings(BaseModel):
    """The broker, and what is said there. Without a url there is no MQTT."""

    url: str | None = None
    """mqtt://host[:port], or mqtts:// for TLS."""
    user: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    """Who signed the broker's certificate; by default whom this machine trusts."""
    certificate_file: Path | None = None
    """For brokers that want one of their clients; PEM, with its key in key_file or below it."""
    key_file: Path | None = None
    version: Literal["5", "3.1.1"] = "5"
    """With 3.1.1 a broker can't say that it refused a message: it takes it and drops it."""
    root: Annotated[str, Field(min_length=1, max_length=200)] = "andon"
    """The first levels of every topic."""
    client_id: Annotated[str, Field(max_length=128)] = ""
    """By default a random one."""
    commands: bool = False
    """Let whoever may publish on the broker trigger inspections."""

    @property
    def enabled(self) -> bool:
        return self.url is not None

    @property
    def endpoint(self) -> str:
        """Where the broker is, with its port."""
        return f"{self.scheme}://{self.host}:{self.port}" if self.url else ""

    @property
    def scheme(self) -> str:
        return urlsplit(self.url or "").scheme

    @property
    def host(self) -> str:
        return urlsplit(self.url or "").hostname or ""

    @property
    def port(self) -> int:
        return urlsplit(self.url or "").port or _PORTS[self.scheme]

    @field_validator("url")
    @classmethod
    def _is_a_broker(cls, url: str | None) -> str | None:
        if url is None or url == "":
            return None
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError("mqtt.url is mqtt://host[:port] or mqtts://host[:port]")
        if parts.port == 0:
            raise ValueError("mqtt.url names a port from 1 to 65535")
        if parts.username or parts.password:
            raise ValueError("mqtt.url carries no user: set mqtt.user and mqtt.password")
        return url

    @field_validator("root")
    @classmethod
    def _is_a_topic(cls, root: str) -> str:
        levels = root.split("/")
        if "" in levels or root.startswith("$") or any(each in root for each in "+#\0"):
            raise ValueError("mqtt.root is levels between slashes, without wildcards, not below $")
        return root

    @model_validator(mode="after")
    def _belongs_together(self) -> Self:
        if self.password is not None and self.user is None:
            raise ValueError("mqtt.password needs mqtt.user")
        if self.key_file is not None and self.certificate_file is None:
            raise ValueError("mqtt.key_file needs mqtt.certificate_file")
        return self


@dataclass(frozen=True)
class Heard:
    """What somebody published."""

    topic: str
    payload: bytes
    retained: bool


@asynccontextmanager
async def connected(settings: MqttSettings, will_topic: str, will: bytes) -> AsyncIterator["Broker"]:
    """A connection for the time of the block, with a retained last will.

    Raises Unavailable when there is none."""
    broker = Broker(settings, will_topic, will)
    try:
        await broker.open()
        yield broker
    finally:
        await broker.close()


class Broker:
    """Publishes and listens with QoS 1; every method raises Unavailable once the connection is lost."""

    def __init__(self, settings: MqttSettings, will_topic: str, will: bytes) -> None:
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._confirmations: dict[int, asyncio.Future[None]] = {}
        self._heard: asyncio.Queue[Heard] = asyncio.Queue(_MOST_HEARD)
        self._client = client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=settings.client_id,
            protocol=_VERSIONS[settings.version],
            reconnect_on_failure=False,
        )
        client.max_inflight_messages_set(WINDOW)
        client.connect_timeout = _CONNECT_SECONDS
        client.will_set(will_topic, will, qos=1, retain=True)
        client.on_connect = self._told(self._on_connect)
        client.on_disconnect = self._told(self._on_disconnect)
        client.on_publish = client.on_subscribe = self._told(self._on_confirmed)
        client.on_message = self._told(self._on_message)
        client.on_socket_open = _without_delay
        if settings.user is not None:
            secret = settings.password
            client.username_pw_set(settings.user, secret.get_secret_value() if secret else None)

    async def open(self) -> None:
        """Connect, and wait until the broker agrees."""
        settings = self._settings
        try:
            await asyncio.to_thread(self._dial, settings)
        except (OSError, ValueError) as error:
            raise Unavailable(f"{settings.endpoint} can't be reached: {error}") from error
        self._client.loop_start()
        await self._in_time(self._accepted, "does not answer")

    async def close(self) -> None:
        """Say goodbye, so that the last will is not published, or give the connection up."""
        if self._client.disconnect() is MQTTErrorCode.MQTT_ERR_SUCCESS:
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(self._lost), _GOODBYE_SECONDS)
        socket: Any = self._client.socket()
        if socket is not None:
            with suppress(OSError):
                socket.shutdown(SHUT_RDWR)  # Else the network thread waits for a broker that hangs.
        await asyncio.to_thread(self._client.loop_stop)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Returns once the broker has confirmed it. Calls that run side by side keep their order."""
        told = self._client.publish(topic, payload, qos=1, retain=retain)
        await self._confirmed(told.rc, told.mid, topic)

    async def subscribe(self, topic: str) -> None:
        """Hear a topic from now on."""
        code, number = self._client.subscribe(topic, qos=1)
        await self._confirmed(code, number, topic)

    async def hear(self) -> Heard:
        """The next message of a subscription."""
        next_one = asyncio.ensure_future(self._heard.get())
        try:
            await asyncio.wait((next_one, self._lost), return_when=asyncio.FIRST_COMPLETED)
            if not next_one.done():
                raise self._away()
            return next_one.result()
        finally:
            next_one.cancel()

    def _dial(self, settings: MqttSettings) -> None:
        if settings.scheme == "mqtts":
            context = ssl.create_default_context(cafile=settings.ca_file)
            if settings.certificate_file is not None:
                context.load_cert_chain(settings.certificate_file, settings.key_file)
            self._client.tls_set_context(context)
        self._client.connect(settings.host, settings.port, _KEEPALIVE_SECONDS)

    async def _confirmed(self, code: int | None, number: int | None, topic: str) -> None:
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS or number is None or self._lost.done():
            raise self._away()
        # The confirmation comes by way of this loop, so it can't be here before us.
        confirmation = self._confirmations[number] = self._loop.create_future()
        try:
            await self._in_time(confirmation, f"did not confirm {topic}")
        finally:
            self._confirmations.pop(number, None)

    async def _in_time(self, awaited: "asyncio.Future[None]", complaint: str) -> None:
        await asyncio.wait(
            (awaited, self._lost), timeout=_CONFIRM_SECONDS, return_when=asyncio.FIRST_COMPLETED
        )
        if awaited.done():
            return awaited.result()
        if self._lost.done():
            raise self._away()
        raise Unavailable(f"{self._settings.endpoint} {complaint} within {_CONFIRM_SECONDS:g} s")

    def _away(self) -> Unavailable:
        reason = self._lost.result() if self._lost.done() else "not connected"
        return Unavailable(f"{self._settings.endpoint} is away: {reason}")

    def _told(self, reaction: Callable[..., None]) -> Callable[..., None]:
        """Run paho's callback in our loop, without its client and user data."""

        def tell(_client: Client, _data: object, *told: Any) -> None:
            self._loop.call_soon_threadsafe(reaction, *told)

        return tell

    def _on_connect(self, _flags: object, reason: Any, _properties: object) -> None:
        if self._accepted.done():
            return
        if reason.is_failure:
            self._accepted.set_exception(Unavailable(f"{self._settings.endpoint} refused us: {reason}"))
        else:
            self._accepted.set_result(None)

    def _on_disconnect(self, _flags: object, reason: Any, _properties: object) -> None:
        if not self._lost.done():
            text = str(reason)  # paho says no more of a connection that just ended
            self._lost.set_result("the connection broke" if text == "Unspecified error" else text)

    def _on_confirmed(self, number: int, reason: Any, _properties: object) -> None:
        confirmation = self._confirmations.get(number)
        if confirmation is None or confirmation.done():
            return
        (first, *_) = reason if isinstance(reason, list) else (reason,)
        if first.is_failure:
            confirmation.set_exception(Unavailable(f"{self._settings.endpoint} refused a topic: {first}"))
        else:
            confirmation.set_result(None)

    def _on_message(self, message: MQTTMessage) -> None:
        with suppress(asyncio.QueueFull):  # A flood of commands: those beyond what is bearable are not done.
            self._heard.put_nowait(Heard(message.topic, bytes(message.payload), bool(message.retain)))


def _without_delay(_client: Client, _data: object, opened: Any) -> None:
    opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # Else small messages wait 40 ms for one another.
