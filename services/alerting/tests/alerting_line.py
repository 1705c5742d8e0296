"""Whoever is around alerting: the inspector that says parts, the queue, and a person."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from andon.contracts import Message, Query, alerting, inspection, queue, stream_of
from andon.contracts.alerting import Alert, ChannelBody, ListAlerts, RuleBody
from andon.contracts.inspection import Decision
from andon.messaging import Service
from andon.storage import Mongo, MongoSettings
from andon.testing import build


class Line:
    """Parts that are judged, and a person who looks at alerts."""

    def __init__(self, bus: Service, queue_bus: Service | None = None) -> None:
        self.bus = bus
        self.queue = queue_bus or bus
        self.said = 0
        """Parts so far."""

    async def judge(
        self, *, passed: int = 0, failed: int = 0, station: str = "line-1", ago: float = 0, **values: Any
    ) -> None:
        """`ago` in seconds."""
        at = datetime.now(UTC) - timedelta(seconds=ago)
        for decision in [Decision.PASS] * passed + [Decision.FAIL] * failed:
            self.said += 1
            times = {"judged_at": at, "captured_at": at}
            said = {"id": f"part-{self.said}", "station_id": station, "decision": decision, **times}
            await self.bus.say(inspection.PART_JUDGED, build.inspection(**{**said, **values}))

    async def ask(self, query: Query[Any, Any], message: Message) -> Any:
        return await self.bus.ask(query, message, timeout=15)

    async def alerts(self, **query: Any) -> tuple[Alert, ...]:
        return (await self.bus.ask(alerting.LIST, ListAlerts(**query))).alerts

    async def put_rule(self, rule_id: str, **body: Any) -> alerting.SavedRule:
        said = RuleBody.model_validate({"title": rule_id, **body})
        return await self.ask(alerting.RULE_PUT, alerting.PutRule(id=rule_id, rule=said, by="erik"))

    async def put_channel(
        self, channel_id: str, target: dict[str, Any], **body: Any
    ) -> alerting.SavedChannel:
        said = ChannelBody.model_validate({"title": channel_id, "target": target, **body})
        return await self.ask(
            alerting.CHANNEL_PUT, alerting.PutChannel(id=channel_id, channel=said, by="erik")
        )

    async def device(self, status: str, free_gb: float = 50.0) -> None:
        now = datetime.now(UTC)
        facts = queue.DeviceFacts(disk_free=int(free_gb * 2**30))
        device = queue.Device.model_validate(
            {"id": "gpu-1", "facts": facts, "status": status, "first_seen": now, "last_heartbeat": now}
        )
        await self.queue.say(queue.DEVICE_CHANGED, device)

    def has(self, count: int, **query: Any) -> Callable[[], Awaitable[bool]]:
        async def looked() -> bool:
            found = await self.alerts(**query)
            assert len(found) == count, found
            return True

        return looked

    async def told(self) -> list[tuple[str, str]]:
        """What the bus was told of alerts: verb and what it is about."""
        kept = await self.bus.replay(stream_of(alerting.OPENED), 0, 50_000)
        return [(address.split(".")[2], said.subject) for address, said, _ in kept if isinstance(said, Alert)]

    async def counted(self, mongo: MongoSettings) -> Callable[[], Awaitable[bool]]:
        """Whether alerting has looked at everything that was said so far."""
        last = await self.bus.last_sequence(stream_of(inspection.PART_JUDGED))

        async def there() -> bool:
            async with Mongo(mongo) as database:
                mark = await database.database("alerting")["marks"].find_one(
                    {"_id": stream_of(inspection.PART_JUDGED)}
                )
            return mark is not None and mark["seq"] == last

        return there
