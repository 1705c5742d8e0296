"""The server by itself: what asyncua gets wrong, and rates that decay."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

import gc
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import BadMessageNotAvailable, BadServiceUnsupported, BadSubscriptionIdInvalid
from cryptography import x509

from andon.messaging import BusSettings, Service
from andon.opcua_bridge.adapters.certificate import identity
from andon.opcua_bridge.adapters.server import NAMESPACE, OpcuaServer, OpcuaSettings
from andon.opcua_bridge.domain.lines import Lines, StationState, count
from andon.opcua_bridge.domain.readings import View, readings
from andon.opcua_bridge.handlers.counting import Counting
from andon.opcua_bridge.handlers.nodes import Nodes
from andon.opcua_bridge.store import Snapshots
from andon.storage import Mongo, MongoSettings
from andon.testing import build

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OpcuaServer]:
    async with OpcuaServer(OpcuaSettings(port=0, anonymous=True, machine_vision=False), tmp_path) as server:
        yield server


class Ignoring:
    def datachange_notification(self, _node: object, _value: object, _data: object) -> None:
        """Nothing: the test is about who may do what."""


def state(*decisions: str) -> StationState:
    found = StationState("line-1")
    for seq, decision in enumerate(decisions, 1):
        part = build.inspection(id=str(seq), station_id="line-1", decision=decision, judged_at=NOW)
        found = count(found, part, seq, NOW)
    return found


@pytest.mark.long
async def test_a_session_reaches_its_own_subscriptions_only(server: OpcuaServer) -> None:
    async with Client(server.endpoint) as owner, Client(server.endpoint) as other:
        mine = await owner.create_subscription(100, Ignoring())
        theirs = other.uaclient.session
        number = mine.subscription_id
        assert [each.value for each in await theirs.delete_subscriptions([number])] == [
            ua.StatusCodes.BadSubscriptionIdInvalid
        ]
        with pytest.raises(BadSubscriptionIdInvalid):
            await theirs.create_monitored_items(ua.CreateMonitoredItemsParameters(SubscriptionId=number))
        with pytest.raises(BadSubscriptionIdInvalid):
            await theirs.set_publishing_mode(
                ua.SetPublishingModeParameters(PublishingEnabled=False, SubscriptionIds=[number])
            )
        await mine.delete()


@pytest.mark.long
async def test_a_message_that_is_gone_is_not_republished_as_good(server: OpcuaServer) -> None:
    async with Client(server.endpoint) as client:
        subscription = await client.create_subscription(100, Ignoring())
        with pytest.raises(BadMessageNotAvailable):
            await client.uaclient.session.republish(subscription.subscription_id, 4711)
        with pytest.raises(BadSubscriptionIdInvalid):
            await client.uaclient.session.republish(99999, 1)
        await subscription.delete()


@pytest.mark.long
async def test_session_tokens_can_not_be_guessed(server: OpcuaServer) -> None:
    async with Client(server.endpoint) as first, Client(server.endpoint) as second:
        tokens = [each.uaclient.session.authentication_token for each in (first, second)]
    assert all(each.NodeIdType is ua.NodeIdType.ByteString and len(each.Identifier) == 32 for each in tokens)
    assert tokens[0] != tokens[1]


@pytest.mark.long
async def test_nobody_registers_servers_here(server: OpcuaServer) -> None:
    async with Client(server.endpoint) as client:
        with pytest.raises(BadServiceUnsupported):
            await client.uaclient.register_server(
                ua.RegisteredServer(ServerUri="urn:x", ServerNames=[ua.LocalizedText("x")])
            )


@pytest.mark.long
async def test_the_standard_nodes_hold_up_no_garbage_collection(server: OpcuaServer) -> None:
    assert gc.get_freeze_count() > 100_000
    await server.__aexit__(None, None, None)
    assert gc.get_freeze_count() == 0


@pytest.mark.long
async def test_a_pass_rate_decays_where_no_part_comes(
    server: OpcuaServer, bus_settings: BusSettings, mongo_settings: MongoSettings
) -> None:
    clock = [NOW]
    async with Mongo(mongo_settings) as mongo:
        bus = Service("opcua-bridge", bus_settings)
        counting = Counting(bus, Snapshots(mongo), lambda: clock[0])
        counting.lines, counting.caught_up = Lines({"line-1": state("pass", "fail")}), True
        await server.show("line-1", readings(counting.lines.stations["line-1"], View(NOW)))
        async with Client(server.endpoint) as client:
            index = await client.get_namespace_index(NAMESPACE)
            node = client.get_node(ua.NodeId("station/line-1/PassRate1h", index))
            seen = []
            for minutes in (0, 59, 60):
                clock[0] = NOW + timedelta(minutes=minutes)
                await Nodes(bus, server, counting).show_rates()
                value = await node.read_data_value(raise_on_bad_status=False)
                seen.append((value.Value.Value, value.StatusCode.value, value.SourceTimestamp))
    good, last = ua.StatusCodes.Good, ua.StatusCodes.UncertainLastUsableValue
    assert seen == [(50, good, NOW), (50, good, NOW), (50, last, NOW + timedelta(minutes=60))]


def test_the_certificate_names_the_application_and_stays(tmp_path: Path) -> None:
    made = identity(tmp_path, "urn:plant:andon")
    certificate = x509.load_der_x509_certificate(made.certificate.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:plant:andon"]
    assert made.key.stat().st_mode & 0o777 == 0o600
    before = made.certificate.read_bytes()
    assert identity(tmp_path, "urn:plant:andon").certificate.read_bytes() == before
