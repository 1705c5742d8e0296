"""What SCADA hears on a real MQTT broker of parts that were judged on a real bus."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import nats
import pytest
from fieldbus_plant import BRIDGE, Line, Mosquitto, Subscriber, part
from pydantic import ValidationError

from andon.contracts import alerting, fieldbus, inspection, stream_of
from andon.contracts.alerting import AlertState
from andon.contracts.inspection import Decision, Detection
from andon.messaging import BusSettings, Service
from andon.opcua_bridge.adapters.mqtt import MqttSettings
from andon.opcua_bridge.app import SERVICE, OpcuaBridgeSettings
from andon.runtime import serving
from andon.runtime.embedded import LOOPBACK
from andon.testing import Servers, build, eventually


async def status(line: Line) -> fieldbus.MqttStatus:
    return (await line.bus.ask(fieldbus.STATUS, fieldbus.GetFieldbusStatus())).mqtt


async def connected(line: Line) -> bool:
    return (await status(line)).connected


def mqtt(bare: OpcuaBridgeSettings, settings: MqttSettings) -> OpcuaBridgeSettings:
    return bare.model_copy(update={"mqtt": settings})


def heard_ids(scada: Subscriber, topic: str = "andon/line-1/inspection") -> list[str]:
    """In the order in which each was heard first."""
    return list(dict.fromkeys(each["id"] for each in scada.on(topic)))


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_parts_and_status_are_published(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber, version: str
) -> None:
    found = Detection(class_name="scratch", confidence=0.9, bbox=(1, 2, 3, 4), area_px=12)
    async with serving(SERVICE, mqtt(bare, broker.settings(version=version))):
        await eventually(lambda: connected(line))
        await line.say(
            *(part(f"good-{i}") for i in range(9)),
            part("bad", Decision.FAIL, part_id="P-1", detections=(found,) * 20, objects_found=20),
        )
        await eventually(lambda: len(heard_ids(scada)) == 10)
        shown = await eventually(lambda: scada.last_on("andon/line-1/status").get("total") == 10)
        assert shown
        assert scada.last_on("andon/status") == {"state": "online"}
        state = await status(line)
    bad = scada.on("andon/line-1/inspection")[-1]
    assert (bad["id"], bad["decision"], bad["part_id"], bad["total_ms"]) == ("bad", "fail", "P-1", 70_000.4)
    assert (bad["objects_found"], len(bad["detections"])) == (20, 16)
    assert bad["detections"][0]["class_name"] == "scratch"
    online = scada.on("andon/line-1/status")[-2]
    assert (online["state"], online["passed"], online["failed"], online["uncertain"]) == ("online", 9, 1, 0)
    assert (online["pass_rate"], online["colour"], online["last_decision"]) == (0.9, "amber", "fail")
    assert (state.enabled, state.published, state.waiting, state.last_error) == (True, 10, 0, None)
    assert state.endpoint == f"mqtt://{LOOPBACK}:{broker.port}"
    # A stop says goodbye everywhere, and the broker keeps that.
    assert scada.last_on("andon/line-1/status")["state"] == "offline"
    assert scada.last_on("andon/status") == {"state": "offline"}
    late = Subscriber(broker.port)
    late.connect("andon/+/status")
    await eventually(lambda: late.last_on("andon/line-1/status").get("total") == 10)
    assert all(retained for _, _, retained in late.heard)
    late.close()


async def test_alerts_are_published_with_their_state(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber, bus_settings: BusSettings
) -> None:
    async with (
        serving(SERVICE, mqtt(bare, broker.settings(root="ussop"))),
        Service("alerting", bus_settings) as alerts,
    ):
        await eventually(lambda: connected(line))
        here = {"station_id": "line-1"}
        await alerts.say(alerting.OPENED, build.alert(**here))
        await alerts.say(alerting.ACKNOWLEDGED, build.alert(**here, state=AlertState.ACKNOWLEDGED))
        await alerts.say(alerting.RESOLVED, build.alert(**here, state=AlertState.RESOLVED))
        await alerts.say(alerting.OPENED, build.alert(station_id=None, id="line"))
        await eventually(lambda: len(scada.on("ussop/line-1/alert")) == 3)
        await eventually(lambda: scada.last_on("ussop/alert").get("id") == "line")
    states = [each["state"] for each in scada.on("ussop/line-1/alert")]
    assert states == ["open", "acknowledged", "resolved"]


async def test_nothing_is_missing_after_the_broker_was_killed(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    async with serving(SERVICE, mqtt(bare, broker.settings())):
        await eventually(lambda: connected(line))
        await line.say(*(part(f"{i}") for i in range(20)))
        await eventually(lambda: len(heard_ids(scada)) == 20)
        broker.server.kill()
        await line.say(*(part(f"{i}") for i in range(20, 400)))

        async def bounded() -> bool:
            state = await status(line)
            return not state.connected and state.waiting == 256 and state.last_error is not None

        await eventually(bounded)
        scada.close()
        broker.forbid(BRIDGE["user"])  # so that SCADA is there first: what it didn't hear is our fault
        broker.server.start()
        scada.connect()

        async def refused() -> bool:
            return "refused us: Not authorized" in ((await status(line)).last_error or "")

        await eventually(refused, 15)
        broker.allow(BRIDGE["user"], BRIDGE["password"])
        broker.read_again()
        await eventually(lambda: len(heard_ids(scada)) == 400, 20)
        await eventually(lambda: scada.last_on("andon/line-1/status").get("total") == 400)
    assert heard_ids(scada) == [str(i) for i in range(400)]


async def test_what_the_stream_dropped_before_it_was_published_is_told(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber, bus_settings: BusSettings
) -> None:
    async with serving(SERVICE, mqtt(bare, broker.settings())):
        await eventually(lambda: connected(line))
        await line.say(part("a"))
        await eventually(lambda: heard_ids(scada) == ["a"])
    await line.say(part("b"), part("c"), part("d"))
    client = await nats.connect(bus_settings.url)
    await client.jetstream().purge_stream(stream_of(inspection.PART_JUDGED), keep=1)
    await client.close()
    async with serving(SERVICE, mqtt(bare, broker.settings())):
        await eventually(lambda: heard_ids(scada) == ["a", "d"])
        assert "never published" in ((await status(line)).last_error or "")
        await eventually(lambda: scada.last_on("andon/line-1/status").get("incomplete") is True)


class Cutting:
    """A wire to the broker that swallows what comes after so many bytes, then breaks."""

    def __init__(self, port: int, after: int) -> None:
        self._port, self._after = port, after
        self.cuts = 0

    @asynccontextmanager
    async def strung(self) -> AsyncIterator[int]:
        server = await asyncio.start_server(self._pass, LOOPBACK, 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, self._port)
        answers = asyncio.create_task(self._copy(there, writer))
        passed = 0
        while data := await reader.read(512):
            passed += len(data)
            if passed > self._after:
                await self._swallow(reader)
                break
            back.write(data)
        answers.cancel()
        for each in (writer, back):
            each.transport.abort()

    async def _swallow(self, reader: asyncio.StreamReader) -> None:
        self.cuts += 1
        with suppress(TimeoutError):
            while await asyncio.wait_for(reader.read(512), 0.1):
                pass

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(4096):
            writer.write(data)


async def test_nothing_is_missing_where_the_wire_breaks_again_and_again(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    wire = Cutting(broker.port, after=25_000)
    async with wire.strung() as port:
        settings = mqtt(bare, broker.settings(url=f"mqtt://{LOOPBACK}:{port}"))
        async with serving(SERVICE, settings):
            await eventually(lambda: connected(line))
            await line.say(*(part(f"{i}") for i in range(300)))
            await eventually(lambda: len(heard_ids(scada)) == 300, 30)
    assert heard_ids(scada) == [str(i) for i in range(300)]
    assert wire.cuts >= 3


async def test_a_topic_that_the_broker_refuses_is_told_and_waits(
    bare: OpcuaBridgeSettings, line: Line, servers: Servers
) -> None:
    folder = servers.fresh_folder("mosquitto")
    access = folder / "access"
    open_rules = (
        "user scada\ntopic readwrite #\n"
        "user bridge\ntopic readwrite andon/+/status\ntopic write andon/status\n"
    )
    access.write_text(open_rules)
    access.chmod(0o600)
    broker = Mosquitto(folder, f"acl_file {access}")
    broker.server.start()
    scada = Subscriber(broker.port)
    scada.connect()
    try:
        async with serving(SERVICE, mqtt(bare, broker.settings())):
            await eventually(lambda: connected(line))
            await line.say(part("a"))

            async def told() -> bool:
                state = await status(line)
                return "refused a topic: Not authorized" in (state.last_error or "") and state.waiting == 1

            await eventually(told)
            access.write_text(open_rules + "topic write andon/+/inspection\n")
            broker.read_again()
            await eventually(lambda: heard_ids(scada) == ["a"], 15)
    finally:
        scada.close()
        broker.server.kill()


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <ssl.SSLSocket:ResourceWarning")
async def test_a_connection_can_be_encrypted(
    bare: OpcuaBridgeSettings, line: Line, servers: Servers, broker: Mosquitto, tmp_path: Path
) -> None:
    certificate, key = self_signed(tmp_path)
    folder = servers.fresh_folder("mosquitto")
    secure = Mosquitto(folder, f"certfile {certificate}", f"keyfile {key}", tls=True)
    secure.server.start()
    try:
        url = f"mqtts://localhost:{secure.port}"
        async with serving(SERVICE, mqtt(bare, secure.settings(url=url, ca_file=certificate))):
            await eventually(lambda: connected(line))
            assert (await status(line)).endpoint == url
        async with serving(SERVICE, mqtt(bare, secure.settings(url=url))):

            async def distrusted() -> bool:
                state = await status(line)
                return not state.connected and "CERTIFICATE_VERIFY_FAILED" in (state.last_error or "")

            await eventually(distrusted)
        async with serving(SERVICE, mqtt(bare, secure.settings(url=url, ca_file=tmp_path / "none.pem"))):

            async def without() -> bool:
                return "No such file" in ((await status(line)).last_error or "")

            await eventually(without)
    finally:
        secure.server.kill()
        gc.collect()


def self_signed(folder: Path) -> tuple[Path, Path]:
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - this test's alone

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    files = folder / "broker.pem", folder / "broker.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return files


async def test_a_command_takes_a_picture_and_answers(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    answers = "andon/line-1/command/result"
    scada.say("andon/line-1/command", {"command": "trigger", "id": "old"}, retain=True)
    async with serving(SERVICE, mqtt(bare, broker.settings(commands=True))):
        await eventually(lambda: scada.last_on(answers).get("error", {}).get("code") == "retained")
        scada.say("andon/line-1/command", b"", retain=True)
        scada.say("andon/line-1/command", {"command": "trigger", "part_id": "P-7", "id": "cmd-1"})
        done = await eventually(lambda: [each for each in scada.on(answers) if each["ok"]])
        assert (done[0]["id"], done[0]["inspection"]["part_id"]) == ("cmd-1", "P-7")
        assert [(each.station_id, each.part_id, each.frame_id) for each in line.captured] == [
            ("line-1", "P-7", "cmd-1")
        ]
        await eventually(lambda: heard_ids(scada) == ["shot-1"])
        for payload, code, word in (
            ({"command": "explode"}, "invalid", "command:"),
            ({"command": "trigger", "part_id": "x" * 200}, "invalid", "part_id:"),
            (b"\xff\x00", "invalid", ""),
            (b'{"command":"trigger","id":"' + b"x" * 5000 + b'"}', "invalid", "4096"),
        ):
            before = len(scada.on(answers))
            scada.say("andon/line-1/command", payload)
            await eventually(lambda before=before: len(scada.on(answers)) > before)
            error = scada.last_on(answers)["error"]
            assert (error["code"], word in error["message"]) == (code, True)
        scada.say("andon/nowhere/command", {"command": "trigger"})
        nowhere = await eventually(lambda: scada.last_on("andon/nowhere/command/result"))
        assert nowhere["error"]["code"] == "not_found"
    assert len(line.captured) == 1


async def test_one_command_at_a_time(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    answers = "andon/line-1/command/result"
    line.gate = asyncio.Event()
    async with serving(SERVICE, mqtt(bare, broker.settings(commands=True))):
        await eventually(lambda: connected(line))
        scada.say("andon/line-1/command", {"command": "trigger"})
        await eventually(lambda: len(line.captured) == 1)
        scada.say("andon/line-1/command", {"command": "trigger"})
        await eventually(lambda: scada.last_on(answers).get("error", {}).get("code") == "busy")
        scada.say("andon/default/command", {"command": "trigger"})
        await eventually(lambda: len(line.captured) == 2)
        line.gate.set()
        await eventually(lambda: scada.last_on(answers).get("ok"))
        await eventually(lambda: scada.last_on("andon/default/command/result").get("ok"))


async def test_commands_are_off_until_they_are_allowed(
    bare: OpcuaBridgeSettings, line: Line, broker: Mosquitto, scada: Subscriber
) -> None:
    async with serving(SERVICE, mqtt(bare, broker.settings())):
        await eventually(lambda: connected(line))
        scada.say("andon/line-1/command", {"command": "trigger"})
        await line.say(part("after"))
        await eventually(lambda: heard_ids(scada) == ["after"])
    assert line.captured == []
    assert scada.on("andon/line-1/command/result") == []


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"url": "http://broker"}, "mqtt.url"),
        ({"url": "mqtt://"}, "mqtt.url"),
        ({"url": "mqtt://olga:secret@broker"}, "mqtt.user"),
        ({"url": "mqtt://broker:99999"}, "ort"),
        ({"root": "andon/#"}, "mqtt.root"),
        ({"root": "andon//x"}, "mqtt.root"),
        ({"root": "$SYS"}, "mqtt.root"),
        ({"password": "x"}, "mqtt.user"),
        ({"key_file": "/x"}, "mqtt.certificate_file"),
        ({"version": "3"}, "version"),
    ],
)
def test_settings_that_can_not_work_are_refused(changes: dict[str, object], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        MqttSettings(**changes)  # type: ignore[arg-type]


def test_settings_come_from_the_environment_and_keep_the_password_to_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ANDON_MQTT__URL", "mqtts://broker.plant")
    monkeypatch.setenv("ANDON_MQTT__USER", "andon")
    monkeypatch.setenv("ANDON_MQTT__PASSWORD", "geheim")
    monkeypatch.setenv("ANDON_MODBUS__ENABLED", "true")
    monkeypatch.setenv("ANDON_MODBUS__HOST", "0.0.0.0")
    monkeypatch.setenv("ANDON_MODBUS__ALLOW", '["10.1.0.0/16"]')
    settings = OpcuaBridgeSettings()
    assert (settings.mqtt.endpoint, settings.mqtt.enabled) == ("mqtts://broker.plant:8883", True)
    assert settings.modbus.enabled
    assert "geheim" not in repr(settings)
    assert not OpcuaBridgeSettings(mqtt=MqttSettings()).mqtt.enabled
