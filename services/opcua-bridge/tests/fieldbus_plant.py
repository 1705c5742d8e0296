"""A plant around the bridge: a real Mosquitto, a subscriber, and the rest of the line on the bus."""

import asyncio
import json
import shutil
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from andon.contracts import NotFound, camera, inspection
from andon.contracts.inspection import Decision, Inspection, Times
from andon.messaging import Delivery, Service
from andon.opcua_bridge.adapters.mqtt import MqttSettings
from andon.runtime.embedded import LOOPBACK, Server, free_ports
from andon.testing import build

BRIDGE = {"user": "bridge", "password": "correct horse"}


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: scripts/setup --tests installs Mosquitto")
    return found


class Mosquitto:
    """A real broker with users, over a folder of the test's own."""

    def __init__(self, folder: Path, *extra: str, tls: bool = False) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._users = folder / "users"
        self._users.touch(mode=0o600)
        self.allow("scada", "scada")
        self.allow(BRIDGE["user"], BRIDGE["password"])
        config = folder / "mosquitto.conf"
        lines = [
            f"listener {self.port} {LOOPBACK}", "allow_anonymous false", f"password_file {self._users}",
            "user root", "persistence false", *extra,
        ]  # fmt: skip
        config.write_text("\n".join(lines) + "\n")
        command = (program("mosquitto"), "-c", str(config))
        ready = self._listens if tls else self._answers
        self.server = Server("mosquitto", command, ready, log=folder / "mosquitto.log")

    def allow(self, user: str, password: str) -> None:
        command = [program("mosquitto_passwd"), "-b", str(self._users), user, password]
        subprocess.run(command, check=True, capture_output=True)

    def forbid(self, user: str) -> None:
        subprocess.run([program("mosquitto_passwd"), "-D", str(self._users), user], check=True)

    def read_again(self) -> None:
        """Take over changed users and access lists."""
        assert self.server._process
        self.server._process.send_signal(signal.SIGHUP)

    def settings(self, **changes: Any) -> MqttSettings:
        return MqttSettings(**{"url": f"mqtt://{LOOPBACK}:{self.port}", **BRIDGE, **changes})

    def _answers(self) -> bool:
        """Whether it takes users: it listens a little earlier."""
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.username_pw_set("scada", "scada")
        try:
            client.connect(LOOPBACK, self.port)
        except OSError:
            return False
        client.disconnect()
        return True

    def _listens(self) -> bool:
        return "running" in (self.folder / "mosquitto.log").read_text()


@dataclass
class Subscriber:
    """SCADA's side of the broker."""

    port: int
    heard: list[tuple[str, dict[str, Any], bool]] = field(default_factory=list)
    """Topic, payload, and whether it was retained."""

    def connect(self, topic: str = "#") -> None:
        self.client = client = paho.Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=False)
        subscribed = threading.Event()
        client.username_pw_set("scada", "scada")
        client.on_subscribe = lambda *_: subscribed.set()
        client.on_message = self._hear
        client.connect(LOOPBACK, self.port)
        client.loop_start()
        client.subscribe(topic, qos=1)
        assert subscribed.wait(10)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _hear(self, _client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if not message.topic.endswith("/command"):  # our own, and not always JSON
            self.heard.append((message.topic, json.loads(message.payload), bool(message.retain)))

    def on(self, topic: str) -> list[dict[str, Any]]:
        return [payload for where, payload, _ in tuple(self.heard) if where == topic]

    def last_on(self, topic: str) -> dict[str, Any]:
        return (self.on(topic) or [{}])[-1]

    def say(self, topic: str, payload: object, *, retain: bool = False) -> None:
        body = payload if isinstance(payload, bytes) else json.dumps(payload)
        self.client.publish(topic, body, qos=1, retain=retain).wait_for_publish(10)


@dataclass
class Line:
    """Whoever else is on the bus: the inspector with its cameras, and alerting."""

    bus: Service
    captured: list[camera.CaptureFrame] = field(default_factory=list)
    gate: asyncio.Event | None = None
    """What a capture waits for."""
    decision: Decision = Decision.PASS

    async def say(self, *parts: Inspection) -> None:
        for each in parts:
            await self.bus.say(inspection.PART_JUDGED, each)

    async def capture(self, asked: camera.CaptureFrame, _delivery: Delivery) -> Inspection:
        if asked.station_id not in ("default", "line-1"):
            raise NotFound(f"station_id: {asked.station_id} has no camera")
        self.captured.append(asked)
        if self.gate is not None:
            await self.gate.wait()
        number = len(self.captured)
        judged = part(f"shot-{number}", self.decision, station_id=asked.station_id, part_id=asked.part_id)
        await self.say(judged)
        return judged


def part(name: str, decision: Decision = Decision.PASS, **changes: Any) -> Inspection:
    now = datetime.now(UTC)
    times = Times(decode_ms=1, inference_ms=12.5, total_ms=70_000.4)
    values = {"id": name, "frame_id": name, "station_id": "line-1", "decision": decision, "times": times}
    return build.inspection(**{**values, "judged_at": now, "captured_at": now, **changes})
