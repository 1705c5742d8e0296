"""What an OPC UA client sees of parts that were judged on a real bus."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import nats
import pytest
from asyncua import Client, ua
from asyncua.ua.uaerrors import BadUserAccessDenied

from andon.contracts import Unauthorised, auth, inspection, opcua, station, stream_of
from andon.contracts.inspection import Decision, Inspection, Times
from andon.messaging import BusSettings, Service, declare_topology
from andon.opcua_bridge.adapters.server import NAMESPACE, OpcuaSettings
from andon.opcua_bridge.app import SERVICE, OpcuaBridgeSettings
from andon.opcua_bridge.store import Snapshots
from andon.runtime import Running, serving
from andon.storage import Mongo, MongoSettings
from andon.testing import Restartable, build, eventually

sys.path.insert(0, str(Path(__file__).parent))

from opcua_plant import Seen, identity, secured

OLGA = ("olga", "correct horse")

NODES = {
    "LastDecision": ua.VariantType.String,
    "LastConfidence": ua.VariantType.Float,
    "ObjectsFound": ua.VariantType.Int32,
    "CycleTimeMs": ua.VariantType.Float,
    "PassCount": ua.VariantType.Int32,
    "FailCount": ua.VariantType.Int32,
    "UncertainCount": ua.VariantType.Int32,
    "PassRate1h": ua.VariantType.Float,
    "LastInspectionTime": ua.VariantType.DateTime,
}


@pytest.fixture
def settings(bus_settings: BusSettings, mongo_settings: MongoSettings, tmp_path: Path) -> OpcuaBridgeSettings:
    return OpcuaBridgeSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        data=tmp_path,
        demo=True,
        opcua=OpcuaSettings(port=0, anonymous=True, machine_vision=False),
    )


@pytest.fixture
async def line(bus_settings: BusSettings) -> AsyncIterator[Service]:
    """Whoever else is on the bus: the inspector that says parts, stations and users."""
    service = Service("inspection", bus_settings)
    service.answers(station.LIST, _stations)
    service.answers(auth.VERIFY_PASSWORD, _verify)
    async with service:
        yield service


async def _stations(_query: station.ListStations, _delivery: object) -> station.Stations:
    return station.Stations(stations=(build.station(id="idle"),))


async def _verify(query: auth.VerifyPassword, _delivery: object) -> auth.User:
    if (query.username, query.password) != OLGA:
        raise Unauthorised("no")
    return auth.User(id="1", username="olga", roles=(auth.Role.OPERATOR,), created_at=build.NOON)


def part(
    name: str, decision: Decision = Decision.PASS, at: datetime | None = None, **changes: object
) -> Inspection:
    at = at or datetime.now(UTC)
    times = Times(decode_ms=1, inference_ms=12.5, total_ms=20)
    values = {"id": name, "frame_id": name, "station_id": "line-1", "decision": decision, "times": times}
    return build.inspection(**{**values, "judged_at": at, "captured_at": at, **changes})


async def say(line: Service, *parts: Inspection) -> None:
    for each in parts:
        await line.say(inspection.PART_JUDGED, each)


async def endpoint(line: Service) -> str:
    status = await line.ask(opcua.STATUS, opcua.GetStatus())
    return status.endpoint


@asynccontextmanager
async def connected(line: Service) -> AsyncIterator[Seen]:
    async with Client(await endpoint(line)) as client:
        yield Seen(client, await client.get_namespace_index(NAMESPACE))


@pytest.mark.long
async def test_a_judged_part_is_on_all_nine_nodes(settings: OpcuaBridgeSettings, line: Service) -> None:
    at = datetime.now(UTC) - timedelta(seconds=3)
    async with serving(SERVICE, settings):
        await say(line, part("a"), part("b", Decision.FAIL, at, confidence=0.75, objects_found=2))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(1, 1, 0))
            found = {name: await seen.read(f"station/line-1/{name}") for name in NODES}
    assert {name: each.Value.VariantType for name, each in found.items()} == NODES
    assert {name: each.Value.Value for name, each in found.items()} == {
        "LastDecision": "fail", "LastConfidence": 0.75, "ObjectsFound": 2, "CycleTimeMs": 12.5,
        "PassCount": 1, "FailCount": 1, "UncertainCount": 0, "PassRate1h": 50.0, "LastInspectionTime": at,
    }  # fmt: skip
    assert {each.SourceTimestamp for each in found.values()} == {at}
    assert all(each.ServerTimestamp is not None and each.ServerTimestamp > at for each in found.values())
    assert all(each.StatusCode.is_good() for each in found.values())


@pytest.mark.long
async def test_a_station_has_nodes_before_its_first_part(
    settings: OpcuaBridgeSettings, line: Service
) -> None:
    async with serving(SERVICE, settings), connected(line) as seen:
        await line.say(station.CHANGED, build.station(id="new"))

        async def status() -> bool:
            found = await line.ask(opcua.STATUS, opcua.GetStatus())
            return (found.running, found.station_count, found.nodes) == (
                True, 2, ("station/idle", "station/new", "SystemStatus"),
            )  # fmt: skip

        await eventually(status)
        rate = await seen.read("station/new/PassRate1h")
        assert rate.StatusCode.value == ua.StatusCodes.UncertainInitialValue
        assert await seen.counts("new") == (0, 0, 0)
        names = [(await each.read_browse_name()).Name for each in await seen.node("Andon").get_children()]
        assert set(names) == {"SystemStatus", "idle", "new"}
        assert await seen.value("SystemStatus/IsRunning") is True
        await eventually(lambda: seen.positive("SystemStatus/UptimeSeconds"))


@pytest.mark.long
async def test_nobody_can_write(settings: OpcuaBridgeSettings, line: Service) -> None:
    async with serving(SERVICE, settings):
        await say(line, part("a"))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(1, 0, 0))
            for name in ("station/line-1/PassCount", "SystemStatus/IsRunning"):
                before = await seen.read(name)
                with pytest.raises(BadUserAccessDenied):
                    await seen.node(name).write_value(ua.DataValue(before.Value))


@pytest.mark.long
async def test_a_subscriber_sees_every_part_in_order(settings: OpcuaBridgeSettings, line: Service) -> None:
    heard: list[object] = []

    class Handler:
        def datachange_notification(self, _node: object, value: object, _data: object) -> None:
            heard.append(value)

    async with serving(SERVICE, settings):
        await say(line, part("0"))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(1, 0, 0))
            subscription = await seen.client.create_subscription(50, Handler())
            await subscription.subscribe_data_change(seen.node("station/line-1/PassCount"))
            await say(line, *(part(str(i)) for i in range(1, 30)))
            await eventually(lambda: heard == list(range(1, 31)))
            await subscription.delete()


@pytest.mark.long
async def test_a_restart_keeps_counts_and_doubles_nothing(
    settings: OpcuaBridgeSettings, line: Service
) -> None:
    async with serving(SERVICE, settings):
        await say(line, part("a"), part("b", Decision.FAIL))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(1, 1, 0))
    # While the bridge is away one part is judged, and an old one is announced again by a restarted inspector.
    await say(line, part("c", Decision.UNCERTAIN), part("a"))
    async with serving(SERVICE, settings), connected(line) as seen:
        await eventually(lambda: seen.counts_are(1, 1, 1))
        await say(line, part("b"), part("d"))
        await eventually(lambda: seen.counts_are(2, 1, 1))


@pytest.mark.long
async def test_a_bridge_that_is_killed_reads_again_what_it_had_not_saved(
    settings: OpcuaBridgeSettings, line: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(SERVICE, settings):
        await say(line, *(part(str(i)) for i in range(20)))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(20, 0, 0))
            async with Mongo(settings.mongo) as mongo:
                await eventually(lambda: _saved(mongo, 20))
            monkeypatch.setattr("andon.opcua_bridge.store.Snapshots.save", _never)  # as kill -9 does
            await say(line, *(part(str(i)) for i in range(20, 30)))
            await eventually(lambda: seen.counts_are(30, 0, 0))
    monkeypatch.undo()
    async with serving(SERVICE, settings), connected(line) as seen:
        await eventually(lambda: seen.counts_are(30, 0, 0))


async def _saved(mongo: Mongo, seq: int) -> bool:
    return (await Snapshots(mongo).load()).last_seq == seq


async def _never(_self: object, _lines: object) -> None:
    return


@pytest.mark.long
async def test_what_the_stream_dropped_unread_is_told(
    settings: OpcuaBridgeSettings, line: Service, bus_settings: BusSettings
) -> None:
    async with serving(SERVICE, settings), connected(line) as seen:
        await say(line, part("a"), part("b"))
        await eventually(lambda: seen.counts_are(2, 0, 0))
    await say(line, part("c"), part("d"))
    client = await nats.connect(bus_settings.url)
    await client.jetstream().purge_stream(stream_of(inspection.PART_JUDGED), keep=1)
    async with serving(SERVICE, settings), connected(line) as seen:
        await eventually(lambda: seen.counts_are(3, 0, 0))
        for name, code in (
            ("PassCount", ua.StatusCodes.UncertainDataSubNormal),
            ("LastDecision", ua.StatusCodes.Good),
        ):
            assert (await seen.read(f"station/line-1/{name}")).StatusCode.value == code
    # A stream made anew starts over; what it brings again is known, what is new counts.
    await client.jetstream().delete_stream(stream_of(inspection.PART_JUDGED))
    await client.close()
    await declare_topology(bus_settings)
    await say(line, part("d"), part("e"))
    async with serving(SERVICE, settings), connected(line) as seen:
        await eventually(lambda: seen.counts_are(4, 0, 0))


@pytest.mark.long
async def test_a_second_replica_shows_the_same(settings: OpcuaBridgeSettings, line: Service) -> None:
    async with serving(SERVICE, settings):
        await say(line, *(part(str(i)) for i in range(10)))
        async with connected(line) as seen:
            await eventually(lambda: seen.counts_are(10, 0, 0))
        async with serving(SERVICE, settings) as other, Client(_own_endpoint(other)) as client:
            twin = Seen(client, await client.get_namespace_index(NAMESPACE))
            await eventually(lambda: twin.counts_are(10, 0, 0))


def _own_endpoint(running: Running) -> str:
    return running.application.resources[1].endpoint  # type: ignore[attr-defined]


@pytest.mark.long
async def test_only_users_that_auth_knows_get_in(
    settings: OpcuaBridgeSettings, line: Service, tmp_path: Path
) -> None:
    closed = _trusted(settings)
    async with serving(SERVICE, closed):
        address = await endpoint(line)
        offered = await Client(address).connect_and_get_server_endpoints()
        assert {each.SecurityMode for each in offered} == {ua.MessageSecurityMode.SignAndEncrypt}
        assert {each.SecurityPolicyUri.rpartition("#")[2] for each in offered} == {
            "Basic256Sha256", "Aes256_Sha256_RsaPss",
        }  # fmt: skip
        assert {token.TokenType for each in offered for token in each.UserIdentityTokens} == {
            ua.UserTokenType.UserName, ua.UserTokenType.Certificate,
        }  # fmt: skip
        with pytest.raises(ua.UaError):
            await Client(address).connect()
        for name, password in (("olga", "wrong"), ("admin", "admin"), ("", "")):
            with pytest.raises((ua.UaError, ConnectionError)):
                async with await secured(address, tmp_path, identity("scada"), (name, password)):
                    pass
        async with await secured(address, tmp_path, identity("scada"), OLGA) as client:
            index = await client.get_namespace_index(NAMESPACE)
            assert await client.get_node(ua.NodeId("SystemStatus/IsRunning", index)).read_value() is True


def _trusted(settings: OpcuaBridgeSettings) -> OpcuaBridgeSettings:
    """With a client named scada on the trust list, and no open doors."""
    trusted = settings.data / "opcua" / "pki" / "trusted"
    trusted.mkdir(parents=True)
    (trusted / "scada.der").write_bytes(identity("scada").der)
    return settings.model_copy(update={"demo": False, "opcua": OpcuaSettings(port=0, machine_vision=False)})


@pytest.mark.long
async def test_without_auth_nobody_gets_in(
    settings: OpcuaBridgeSettings, bus_settings: BusSettings, tmp_path: Path
) -> None:
    closed = _trusted(settings)
    async with serving(SERVICE, closed) as running, Service("gateway", bus_settings):
        with pytest.raises((ua.UaError, ConnectionError)):
            async with await secured(_own_endpoint(running), tmp_path, identity("scada"), OLGA):
                pass


@pytest.mark.parametrize(
    "changes", [{"demo": False}, {"opcua": OpcuaSettings(anonymous=True, host="0.0.0.0")}]
)
def test_open_doors_are_refused_outside_the_demo(
    settings: OpcuaBridgeSettings, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match="loopback"):
        OpcuaBridgeSettings(**{**dict(settings), **changes})


async def test_a_disabled_server_says_so(settings: OpcuaBridgeSettings, line: Service) -> None:
    off = settings.model_copy(update={"opcua": OpcuaSettings(enabled=False)})
    async with serving(SERVICE, off):
        status = await line.ask(opcua.STATUS, opcua.GetStatus())
    assert (status.enabled, status.running, status.endpoint) == (
        False,
        False,
        "opc.tcp://127.0.0.1:4840/andon",
    )


@pytest.mark.long
async def test_while_the_broker_is_away_nothing_claims_to_be_fresh(
    nats_process: Restartable[str], settings: OpcuaBridgeSettings, line: Service
) -> None:
    level = ua.NodeId(ua.ObjectIds.Server_ServiceLevel)

    async def shows(service_level: int, code: int, passed: int) -> bool:
        assert await seen.client.get_node(level).read_value() == service_level
        count = await seen.read("station/line-1/PassCount")
        assert (count.StatusCode.value, count.Value.Value) == (code, passed)
        return True

    async with serving(SERVICE, settings):
        await say(line, part("a"))
        async with connected(line) as seen:
            await eventually(lambda: shows(255, ua.StatusCodes.Good, 1))
            nats_process.kill()
            await eventually(lambda: shows(50, ua.StatusCodes.UncertainLastUsableValue, 1), within=20)
            await nats_process.start()
            await say(line, part("a"), part("b"))
            await eventually(lambda: shows(255, ua.StatusCodes.Good, 2), within=30)
