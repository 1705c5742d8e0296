"""Rules as people changed them, every revision of them, and channels."""

from datetime import datetime

from pydantic import BaseModel

from andon.alerting.store.alerts import DATABASE
from andon.contracts.alerting import AlertRule, Channel
from andon.storage import Collection, Index, Mongo

_MOST = 200


class Revision(BaseModel):
    """A rule as it was from some moment on."""

    id: str
    rule: AlertRule


class Rules:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        database = mongo.database(DATABASE)
        self._rules = Collection(database, "rules", AlertRule)
        self._revisions = Collection(
            database, "revisions", Revision, indexes=(Index(("rule.id", "-rule.revision")),)
        )

    async def prepare(self) -> None:
        await self._revisions.prepare()

    async def all(self) -> list[AlertRule]:
        return await self._rules.find(limit=0)

    async def add(self, rule: AlertRule) -> None:
        """Raises Conflict when there is one."""
        await self._rules.add(rule)
        await self._keep(rule)

    async def change(self, before: AlertRule, after: AlertRule) -> bool:
        """Whether it was still as it was read."""
        changes = after.model_dump(exclude={"id"})
        swapped = await self._rules.swap(before.id, {"revision": before.revision}, changes)
        if swapped:
            await self._keep(after)
        return swapped

    async def delete(self, rule_id: str) -> bool:
        return await self._rules.delete(rule_id)

    async def history(self, rule_id: str) -> list[AlertRule]:
        """Newest first."""
        found = await self._revisions.find({"rule.id": rule_id}, sort=["-rule.revision"], limit=_MOST)
        return [each.rule for each in found]

    async def last_revision(self, rule_id: str) -> int:
        """0 where nobody ever changed it."""
        found = await self._revisions.find({"rule.id": rule_id}, sort=["-rule.revision"], limit=1)
        return found[0].rule.revision if found else 0

    async def _keep(self, rule: AlertRule) -> None:
        await self._revisions.put(Revision(id=f"{rule.id}/{rule.revision}", rule=rule))


class KeptChannel(Channel):
    """A channel, its secret sealed where there is something to seal with."""

    secret: str | None = None
    failures: int = 0
    """Tries that failed since the last one that arrived."""

    def channel(self) -> Channel:
        """As others see it."""
        return Channel(**{name: getattr(self, name) for name in Channel.model_fields})


class Channels:
    """As above."""

    def __init__(self, mongo: Mongo) -> None:
        self._channels = Collection(mongo.database(DATABASE), "channels", KeptChannel)

    async def all(self) -> list[KeptChannel]:
        return await self._channels.find(sort=["id"], limit=0)

    async def get(self, channel_id: str) -> KeptChannel | None:
        return await self._channels.get(channel_id)

    async def put(self, channel: KeptChannel) -> None:
        await self._channels.put(channel)

    async def delete(self, channel_id: str) -> bool:
        return await self._channels.delete(channel_id)

    async def arrived(self, channel_id: str, now: datetime) -> None:
        done = {"failures": 0, "failing_since": None, "last_error": None, "last_sent_at": now}
        await self._channels.update(channel_id, {"$set": done})

    async def failed(self, channel: KeptChannel, error: str, now: datetime) -> None:
        since = channel.failing_since or now
        await self._channels.update(
            channel.id, {"$set": {"failing_since": since, "last_error": error}, "$inc": {"failures": 1}}
        )
