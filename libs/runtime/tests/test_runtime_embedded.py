"""The embedded servers are what their settings say, and give way to the operator's own."""

import asyncio
import json

import nats
import pytest
from nats.errors import NoRespondersError

from andon.runtime.embedded import (
    EmbeddedSettings,
    EmbeddedStack,
    NatsOptions,
    NotReady,
    free_ports,
    is_free,
    nats_server,
    secantus_program,
    users_with,
)
from andon.testing import eventually

OWN = {"ANDON_MONGO__URI": "mongodb://mine", "ANDON_S3__ENDPOINT": "mine:1"}


@pytest.fixture
def broker(tmp_path):
    """A broker with two users, each with permissions of its own."""
    (port,) = free_ports(1)
    allowed = {
        "camera": {"publish": ["frames.>"], "subscribe": ["_INBOX.>"]},
        "inspector": {"publish": ["_INBOX.>"], "subscribe": ["frames.>"]},
    }
    users = users_with(allowed, {"camera": "c", "inspector": "i"})
    server = nats_server(tmp_path, NatsOptions(port, tmp_path / "store", users))
    server.start()
    yield f"127.0.0.1:{port}"
    server.kill()


async def test_a_user_may_say_and_hear_only_what_is_permitted(broker):
    refused = []

    async def note(error):
        refused.append(str(error))

    camera = await nats.connect(f"nats://camera:c@{broker}", error_cb=note)
    inspector = await nats.connect(f"nats://inspector:i@{broker}", error_cb=note)
    try:
        heard = asyncio.Queue()

        async def hear(message):
            await heard.put(message.subject)

        await inspector.subscribe("frames.>", cb=hear)
        await inspector.flush()
        await inspector.flush()  # right after a connect, one is not enough for another client's publish

        await camera.publish("judged.x", b"")
        await camera.publish("frames.x", b"")
        assert await asyncio.wait_for(heard.get(), 5) == "frames.x"
        await eventually(lambda: any("permissions violation" in each.lower() for each in refused))
        with pytest.raises((NoRespondersError, TimeoutError)):
            await camera.request("frames.nobody.answers", b"", timeout=0.2)
    finally:
        await camera.close()
        await inspector.close()


def test_the_operators_own_servers_are_used_instead(tmp_path):
    stack = EmbeddedStack(tmp_path, EmbeddedSettings(), given=OWN)
    try:
        stack.start()
        assert set(stack.servers) == {"nats"}
        assert stack.given == {"mongo": "mongodb://mine", "s3": "mine:1"}
        assert {key.split("__")[0] for key in stack.environment} == {"ANDON_BUS"}
    finally:
        stack.kill()


def test_ports_and_passwords_last_over_a_restart(tmp_path):
    seen = []
    for _ in range(2):
        stack = EmbeddedStack(tmp_path, EmbeddedSettings(), given=OWN)
        try:
            stack.start()
            seen.append(dict(stack.environment))
        finally:
            stack.kill()
    assert seen[0] == seen[1]


def test_a_port_that_was_taken_meanwhile_is_replaced(tmp_path):
    first = EmbeddedStack(tmp_path, EmbeddedSettings(), given=OWN)
    second = EmbeddedStack(tmp_path, EmbeddedSettings(), given=OWN)
    try:
        first.start()
        second.launch()
        assert first.environment["ANDON_BUS__URL"] != second.environment["ANDON_BUS__URL"]
    finally:
        second.kill()
        first.kill()


def test_a_port_that_was_asked_for_is_used_or_named(tmp_path):
    (port,) = free_ports(1)
    settings = EmbeddedSettings(nats_port=port)
    stack = EmbeddedStack(tmp_path, settings, given=OWN)
    try:
        stack.start()
        assert not is_free(port)
        with pytest.raises(NotReady, match=f"port {port} is in use"):
            EmbeddedStack(tmp_path / "other", settings, given=OWN).launch()
    finally:
        stack.kill()


def test_a_server_that_ends_while_starting_tells_why(tmp_path):
    server = nats_server(tmp_path, NatsOptions(free_ports(1)[0], tmp_path / "store"))
    (tmp_path / "nats.conf").write_text("nonsense {")
    with pytest.raises(NotReady, match=r"nats ended while starting:\n.*Parse error"):
        server.start()


def test_a_missing_mongo_stand_in_is_named_with_its_cure(tmp_path):
    with pytest.raises(NotReady, match=r"scripts/setup puts it into \.venv-mongo"):
        secantus_program(tmp_path / "nowhere")


def test_secrets_are_made_once_for_each_folder(tmp_path):
    for name in ("one", "two"):
        stack = EmbeddedStack(
            tmp_path / name, EmbeddedSettings(), given={**OWN, "ANDON_BUS__URL": "nats://mine"}
        )
        stack.launch()
    one, two = (
        json.loads((tmp_path / name / "servers" / "credentials.json").read_text()) for name in ("one", "two")
    )
    assert one.keys() == two.keys()
    assert not set(one.values()) & set(two.values())
