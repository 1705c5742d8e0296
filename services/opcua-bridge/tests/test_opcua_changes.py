"""What subscribers are told of a value: in order, encoded once, and honest about what was lost."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua.ua_binary import extensionobject_from_binary, struct_to_binary

from andon.opcua_bridge.adapters import changes
from andon.opcua_bridge.adapters.changes import DataChanges
from andon.opcua_bridge.adapters.server import NAMESPACE, OpcuaServer, OpcuaSettings
from andon.testing import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOW = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
COUNT, RATE = "station/line-1/PassCount", "station/line-1/PassRate1h"
OVERFLOW = 0x480


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpcuaServer]:
    settings = OpcuaSettings(port=0, anonymous=True, machine_vision=False)
    async with OpcuaServer(settings, tmp_path_factory.mktemp("opcua")) as server:
        await server.know("line-1")
        yield server


def count(number: int, at: datetime = NOW) -> ua.DataValue:
    value = ua.Variant(number, ua.VariantType.Int32)
    return ua.DataValue(value, SourceTimestamp=at, ServerTimestamp=NOW)


def rate(percent: float) -> ua.DataValue:
    value = ua.Variant(percent, ua.VariantType.Float)
    return ua.DataValue(value, SourceTimestamp=NOW, ServerTimestamp=NOW)


@dataclass
class Watcher:
    """One client's subscription to one node; `told` is what came, without what was there before."""

    told: list[ua.DataValue] = field(default_factory=list[ua.DataValue])

    def datachange_notification(self, _node: object, _value: object, data: object) -> None:
        self.told.append(data.monitored_item.Value)  # type: ignore[attr-defined]

    async def watch(
        self, client: Client, name: str, interval: float = 50, size: int = 0, deadband: float = 0
    ) -> "Watcher":
        index = await client.get_namespace_index(NAMESPACE)
        self.subscription = await client.create_subscription(interval, self)
        node = client.get_node(ua.NodeId(name, index))
        if deadband:
            await self.subscription.deadband_monitor(node, ua.Double(deadband))
        else:
            await self.subscription.subscribe_data_change(node, queuesize=size)
        await eventually(lambda: self.told)
        self.told.clear()
        return self

    def has(self, *values: object) -> bool:
        assert [each.Value.Value for each in self.told] == list(values)
        return True


async def test_a_value_is_encoded_once_for_all_that_watch_it(
    server: OpcuaServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await server.write(COUNT, count(0))
    async with Client(server.endpoint) as one, Client(server.endpoint) as two:
        watchers = [await Watcher().watch(client, COUNT) for client in (one, one, two)]
        encoded: list[ua.DataValue] = []
        encode = changes._encode

        def counted(value: ua.DataValue) -> bytes:
            encoded.append(value)
            return encode(value)

        monkeypatch.setattr(changes, "_encode", counted)
        for number in range(1, 30):
            await server.write(COUNT, count(number, NOW + timedelta(seconds=number)))
        await server.write(COUNT, count(29, NOW))  # the same value: nobody is told
        for watcher in watchers:
            await eventually(lambda watcher=watcher: watcher.has(*range(1, 30)))
            last = watcher.told[-1]
            assert (last.SourceTimestamp, last.ServerTimestamp) == (NOW + timedelta(seconds=29), NOW)
        assert len(encoded) == 29


async def test_what_is_told_is_what_the_library_would_have_told() -> None:
    values = [count(7), rate(12.5), ua.DataValue(ua.Variant("x"), StatusCode=ua.StatusCode(0x40920000))]
    items = [ua.MonitoredItemNotification(ClientHandle=n, Value=value) for n, value in enumerate(values)]
    shipped = ua.DataChangeNotification(MonitoredItems=items)
    told = [(n.to_bytes(4, "little") + changes._encode(value), value) for n, value in enumerate(values)]
    ours = DataChanges.of(told)
    assert ours.count == 3
    assert extensionobject_from_binary(Buffer(struct_to_binary(ours))) == shipped
    assert ours.Body == struct_to_binary(shipped)


async def test_a_queue_that_lost_values_says_so_on_the_oldest_it_kept(server: OpcuaServer) -> None:
    await server.write(COUNT, count(0))
    async with Client(server.endpoint) as client:
        long, short, last = [await Watcher().watch(client, COUNT, 300, size=size) for size in (10, 3, 1)]
        for number in range(1, 7):
            await server.write(COUNT, count(number))
        await eventually(lambda: long.has(1, 2, 3, 4, 5, 6))
        await eventually(lambda: short.has(4, 5, 6))
        await eventually(lambda: last.has(6))
    assert [each.StatusCode.value & OVERFLOW for each in long.told] == [0] * 6
    assert [each.StatusCode.value & OVERFLOW for each in short.told] == [OVERFLOW, 0, 0]
    assert [each.StatusCode.value for each in last.told] == [0]


async def test_a_deadband_counts_from_what_was_told_last(server: OpcuaServer) -> None:
    await server.write(RATE, rate(50))
    async with Client(server.endpoint) as client:
        watcher = await Watcher().watch(client, RATE, deadband=2)
        for percent in (51, 52, 53, 54, 40):
            await server.write(RATE, rate(percent))
        stale = ua.StatusCode(ua.StatusCodes.UncertainLastUsableValue)
        await server.write(RATE, replace(rate(40), StatusCode=stale))
        await eventually(lambda: watcher.has(53, 40, 40))
        with pytest.raises(ua.UaError, match="BadFilterNotAllowed"):
            await Watcher().watch(client, "station/line-1/LastDecision", deadband=2)
