"""Real servers that receive what alerting sends: a web server, a mail server, a broker."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from andon.testing import eventually

LOOPBACK = "127.0.0.1"


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.body)


@dataclass
class Web:
    """Answers every POST with `status`; 0 is no answer at all."""

    port: int = 0
    status: int = 200
    location: str = ""
    got: list[Request] = field(default_factory=list[Request])

    @property
    def url(self) -> str:
        return f"http://{LOOPBACK}:{self.port}/hook"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.got.append(Request(head[0].split(" ")[1], headers, body))
            if not self.status:
                await reader.read()
            extra = f"Location: {self.location}\r\n" if self.location else ""
            answer = f"HTTP/1.1 {self.status} Said\r\nContent-Length: 0\r\nConnection: close\r\n{extra}\r\n"
            writer.write(answer.encode())
            await writer.drain()
        writer.close()


@asynccontextmanager
async def web() -> AsyncIterator[Web]:
    receiver = Web()
    server = await asyncio.start_server(receiver.serve, LOOPBACK, 0)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()


@dataclass
class Mailbox:
    """Takes mail, or refuses it."""

    port: int = 0
    refuse: tuple[str, ...] = ()
    """Recipients."""
    refuse_all: str = ""
    """What it answers to every message."""
    got: list[Envelope] = field(default_factory=list[Envelope])

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refuse_all:
            return self.refuse_all
        self.got.append(envelope)
        return "250 OK"


@asynccontextmanager
async def mailbox(**kwargs: Any) -> AsyncIterator[Mailbox]:
    box = Mailbox()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop, **kwargs), LOOPBACK, 0)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()


@dataclass
class Broker:
    port: int
    heard: list[tuple[str, dict[str, Any]]]


@asynccontextmanager
async def broker(folder: Path, topic: str, free_port: Callable[[], int]) -> AsyncIterator[Broker]:
    """A real mosquitto that lets in `andon` with the password `secret`, and somebody who listens."""
    port = free_port()
    users, config = folder / "users", folder / "mosquitto.conf"
    users.touch(mode=0o600)
    passwd = shutil.which("mosquitto_passwd") or "/usr/bin/mosquitto_passwd"
    await _run(passwd, "-b", str(users), "andon", "secret")
    config.write_text(
        f"listener {port} {LOOPBACK}\nallow_anonymous false\npassword_file {users}\nuser root\n"
        "persistence false\n"
    )
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    process = await asyncio.create_subprocess_exec(
        program, "-c", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    found = Broker(port, [])
    client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5)
    try:
        await eventually(lambda: _listens(port), within=20)
        await _listen(client, found, topic)
        yield found
    finally:
        client.disconnect()
        await asyncio.to_thread(client.loop_stop)
        process.terminate()
        await process.wait()


async def _listen(client: Client, found: Broker, topic: str) -> None:
    subscribed: list[bool] = []

    def heard(_client: Client, _data: object, message: MQTTMessage) -> None:
        found.heard.append((message.topic, json.loads(message.payload)))

    client.username_pw_set("andon", "secret")
    client.on_message = heard

    def connected(*_: Any) -> None:
        client.subscribe(topic, qos=1)

    client.on_connect = connected
    client.on_subscribe = lambda *_: subscribed.append(True)
    await asyncio.to_thread(client.connect, LOOPBACK, found.port)
    client.loop_start()
    await eventually(lambda: subscribed)


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    writer.close()
    return True


async def _run(*command: str) -> None:
    process = await asyncio.create_subprocess_exec(*command, stderr=asyncio.subprocess.DEVNULL)
    assert await process.wait() == 0
