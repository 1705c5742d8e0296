"""`andon up` starts everything, keeps it running, loses nothing and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from andon.contracts import INTEGRATIONS, opcua, stream_of
from andon.contracts.inspection import FRAME_CAPTURED
from andon.messaging import BusSettings, Service
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.testing import build, eventually

ANDON = Path(sysconfig.get_path("scripts")) / "andon"

TINY = """
from andon.contracts import opcua
from andon.messaging import Service
from andon.runtime import Application, ServiceDefinition, Settings

def build(settings):
    bus = Service("tiny", settings.bus)

    async def answer(question, delivery):
        return opcua.Status(
            enabled=True, running=settings.demo, endpoint=str(settings.data), station_count=0, nodes=()
        )

    bus.answers(opcua.STATUS, answer)
    return Application(bus=bus)

SERVICE = ServiceDefinition("tiny", Settings, build)
"""


class Up:
    """An `andon up` in a process of its own."""

    def __init__(self, folder, *options, **environment):
        self.data = folder / "data"
        self.output = folder / "output"
        self.environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("ANDON_")},
            "PYTHONPATH": str(_with_tiny_service(folder)),
            "ANDON_DATA": str(self.data),
            **environment,
        }
        self._options = options or ("--services", "tiny")

    def start(self):
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [ANDON, "up", *self._options],
                env=self.environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    async def ready(self):
        async def is_ready():
            if self.process.poll() is not None:
                pytest.fail(self.said())
            return self.state().get("ready") and self.state()["pid"] == self.process.pid

        await eventually(is_ready, within=40, every=0.1)
        return self

    def state(self):
        try:
            return json.loads((self.data / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}

    def said(self):
        return self.output.read_text()

    def family(self):
        return psutil.Process(self.process.pid).children(recursive=True)

    def andon(self, *command):
        return subprocess.run(
            [ANDON, *command], env=self.environment, capture_output=True, text=True, check=False, timeout=50
        )

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise


def _with_tiny_service(folder):
    site = folder / "site"
    about = site / "tiny-1.0.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (site / "tiny_service.py").write_text(TINY)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[andon.services]\ntiny = tiny_service:SERVICE\n")
    return site


@pytest.fixture
def stack(tmp_path):
    """Every server and one tiny service."""
    up = Up(tmp_path)
    yield up
    up.end()


NOBODY = {"ANDON_MONGO__URI": "mongodb://127.0.0.1:9/?retryWrites=false", "ANDON_S3__ENDPOINT": "127.0.0.1:9"}
"""Servers of the operator's own, which happen to be away; nothing is started in their place."""


@pytest.fixture(scope="module")
def small_stack(tmp_path_factory):
    """The broker and one tiny service, shared by the tests of this file."""
    up = Up(tmp_path_factory.mktemp("small"), **NOBODY)
    up.start()
    yield up
    up.end()


def bus_of(up):
    environment = up.state()["environment"]
    return BusSettings(
        url=environment["ANDON_BUS__URL"],
        user=environment["ANDON_BUS__USER"],
        password=environment["ANDON_BUS__PASSWORD"],
    )


def blobs_of(up):
    environment = up.state()["environment"]
    keys = {
        "access_key": environment["ANDON_S3__ACCESS_KEY"],
        "secret_key": environment["ANDON_S3__SECRET_KEY"],
    }
    return Blobs(S3Settings(endpoint=environment["ANDON_S3__ENDPOINT"], **keys))


async def keep_something(up):
    async with Service(INTEGRATIONS, bus_of(up)) as bus:
        await bus.say(FRAME_CAPTURED, build.frame(), body=b"picture")
    async with Mongo(MongoSettings(uri=up.state()["environment"]["ANDON_MONGO__URI"])) as mongo:
        await mongo.database("tiny").things.insert_one({"_id": "kept"})
    async with blobs_of(up) as blobs:
        await blobs.prepare()
        await blobs.put("kept", b"blob")


async def assert_kept(up):
    async with Service(INTEGRATIONS, bus_of(up)) as bus:
        assert await bus.last_sequence(stream_of(FRAME_CAPTURED)) == 1
    async with Mongo(MongoSettings(uri=up.state()["environment"]["ANDON_MONGO__URI"])) as mongo:
        assert await mongo.database("tiny").things.find_one({"_id": "kept"})
    async with blobs_of(up) as blobs:
        assert await blobs.get("kept") == b"blob"


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_a_killed_stack_leaves_nothing_behind_and_forgets_nothing(stack):
    stack.start()
    await stack.ready()
    await keep_something(stack)
    assert stack.andon("check").returncode == 0
    family = stack.family()
    assert len(family) == 6  # three servers, the service, the nursery and the helper of its own

    stack.process.kill()
    stack.process.wait()
    await eventually(lambda: not [each for each in family if each.is_running()], within=5)
    assert stack.andon("check").returncode == 1

    stack.start()
    await stack.ready()
    await assert_kept(stack)


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_one_ctrl_c_ends_everything_within_seconds_and_the_data_stays(stack):
    stack.start()
    await stack.ready()
    await keep_something(stack)
    family = stack.family()
    began = time.monotonic()
    stack.process.send_signal(signal.SIGINT)
    assert stack.process.wait(15) == 0
    assert time.monotonic() - began < 10
    await eventually(lambda: not [each for each in family if each.is_running()], within=5)
    assert not stack.state()

    stack.start()
    await stack.ready()
    await assert_kept(stack)


@pytest.mark.long
async def test_a_second_stack_over_the_same_folder_is_refused(small_stack):
    await small_stack.ready()
    second = small_stack.andon("up", "--services", "tiny")
    assert second.returncode == 1
    assert "already runs over" in second.stderr
    assert str(small_stack.process.pid) in second.stderr


async def test_a_crashed_service_is_started_again_and_reported(small_stack):
    await small_stack.ready()
    before = small_stack.state()["services"]["tiny"]
    os.kill(before["pid"], signal.SIGKILL)

    def runs_again():
        tiny = small_stack.state()["services"]["tiny"]
        return tiny["ready"] and tiny["pid"] != before["pid"] and tiny["restarts"] == before["restarts"] + 1

    await eventually(runs_again, within=20)
    assert "ended with SIGKILL; starting again in 0.5 s" in small_stack.said()


async def test_a_killed_broker_comes_back_and_services_go_on(small_stack):
    await small_stack.ready()
    restarts = small_stack.state()["services"]["tiny"]["restarts"]
    (broker,) = [each for each in small_stack.family() if "nats-server" in each.name()]
    broker.kill()
    await eventually(lambda: "nats ended; starting it again" in small_stack.said())

    async def answers():
        async with Service(INTEGRATIONS, bus_of(small_stack)) as bus:
            return (await bus.ask(opcua.STATUS, opcua.GetStatus())).enabled

    assert await eventually(answers, within=20)
    assert small_stack.state()["services"]["tiny"]["restarts"] == restarts


@pytest.mark.long
async def test_check_names_what_is_away_and_fails(small_stack):
    await small_stack.ready()
    checked = small_stack.andon("check")
    assert checked.returncode == 1
    lines = {line.split()[1]: line for line in checked.stdout.splitlines() if line.startswith("│")}
    assert "well" in lines["bus"]
    assert "well" in lines["tiny"]
    assert "away" in lines["mongo"]
    assert "away" in lines["s3"]


async def test_every_service_has_a_folder_of_its_own_and_secrets_are_the_owners(small_stack):
    await small_stack.ready()
    async with Service(INTEGRATIONS, bus_of(small_stack)) as bus:
        status = await bus.ask(opcua.STATUS, opcua.GetStatus())
    assert status.endpoint == str(small_stack.data / "services" / "tiny")
    assert not status.running  # not the demo
    for secret in ("state.json", "servers/credentials.json", "servers/nats/nats.conf"):
        assert (small_stack.data / secret).stat().st_mode & 0o077 == 0


async def test_the_bus_is_closed_to_strangers(small_stack):
    await small_stack.ready()
    address = urlsplit(bus_of(small_stack).url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as stranger:
        stranger.sendall(b'CONNECT {"verbose":false}\r\nPING\r\n')
        said = stranger.recv(4096)
        while more := stranger.recv(4096):
            said += more
    assert b"Authorization Violation" in said


def test_an_unknown_service_is_named(tmp_path):
    answer = Up(tmp_path, **NOBODY).andon("up", "--services", "tiny,nonsense")
    assert answer.returncode == 1
    assert "there is no service nonsense; installed are" in answer.stderr


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal")
async def test_a_stack_that_dies_while_starting_leaves_nothing(tmp_path):
    up = Up(tmp_path, ANDON_S3__ENDPOINT=NOBODY["ANDON_S3__ENDPOINT"])
    up.start()
    await eventually(lambda: len(up.family()) == 2, every=0.005)
    family = up.family()
    up.process.kill()
    up.process.wait()
    await eventually(lambda: not [each for each in family if each.is_running()], within=5)
