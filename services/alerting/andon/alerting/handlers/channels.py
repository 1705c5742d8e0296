"""Channels: set up, tried, and what was sent to them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from andon.alerting.adapters import Safe, Undelivered
from andon.alerting.adapters.chat import wrong_url
from andon.alerting.adapters.webhook import new_secret, wrong_secret
from andon.alerting.domain.notices import Told, composed, place_of, wrong_templates
from andon.alerting.handlers.herald import Herald
from andon.alerting.handlers.outbox import Outbox
from andon.alerting.store.notices import Notices
from andon.alerting.store.rules import Channels, KeptChannel
from andon.contracts import Conflict, Invalid, NotFound, alerting
from andon.contracts.alerting import (
    Alert,
    AlertRule,
    AlertState,
    ChannelBody,
    EmailTarget,
    MqttTarget,
    NoticeState,
    SavedChannel,
    Security,
    Severity,
    Target,
    Tested,
)
from andon.messaging import Delivery

_MOST = 100
_SECRETS = {"email": "password", "webhook": "secret", "mqtt": "password", "apprise": "url"}


@dataclass(frozen=True)
class Switchboard:
    channels: Channels
    notices: Notices
    outbox: Outbox
    safe: Safe
    rules: Callable[[], dict[str, AlertRule]]
    clock: Callable[[], datetime]
    herald: Herald

    async def listed(self, _query: alerting.ListChannels, _delivery: Delivery) -> alerting.Channels:
        found = await self.channels.all()
        return alerting.Channels(channels=tuple(each.channel() for each in found))

    async def put(self, ask: alerting.PutChannel, _delivery: Delivery) -> SavedChannel:
        """Raises Invalid. A secret that is left out stays, as long as it goes to the same place."""
        before = await self.channels.get(ask.id)
        if before is None and len(await self.channels.all()) >= _MOST:
            raise Invalid(f"there are {_MOST} channels at most", {"id": "one too many"})
        body = ask.channel
        name = _SECRETS[body.target.kind]
        given: str | None = getattr(body.target, name)
        await _check(body, given)
        made = None
        if given is None and before is not None and place_of(before.target) == place_of(body.target):
            kept = before.secret
        else:
            made = new_secret() if given is None and body.target.kind == "webhook" else None
            secret = given or made
            kept = await self.safe.sealed(secret, ask.id) if secret else None
        if kept is None and body.target.kind == "apprise":
            raise Invalid("target.url: is needed", {"target.url": "is needed"})
        channel = KeptChannel(
            **{field: getattr(body, field) for field in ChannelBody.model_fields if field != "target"},
            target=body.target.model_copy(update={name: None}),
            id=ask.id,
            secret=kept,
            secret_set=kept is not None,
            changed_at=self.clock(),
            changed_by=ask.by,
        )
        await self.channels.put(channel)
        await self.outbox.wake()
        await self.herald.channel(ask.id, ask.by)
        return SavedChannel(channel=channel.channel(), secret=made, remarks=self._remarks(channel))

    async def delete(self, ask: alerting.ChannelById, _delivery: Delivery) -> alerting.ChannelDeleted:
        """Raises NotFound, and Conflict while a rule names it."""
        for rule in self.rules().values():
            if ask.id in rule.channels or any(ask.id in step.channels for step in rule.escalation):
                raise Conflict(f"rule {rule.id} names channel {ask.id}: change that first")
        if not await self.channels.delete(ask.id):
            raise NotFound(f"there is no channel {ask.id}")
        await self.notices.drop(ask.id)
        await self.herald.channel(ask.id, ask.by, gone=True)
        return alerting.ChannelDeleted(id=ask.id)

    async def test(self, ask: alerting.ChannelById, _delivery: Delivery) -> Tested:
        """Sends a message that says it is a test. Raises NotFound."""
        channel = await self.channels.get(ask.id)
        if channel is None:
            raise NotFound(f"there is no channel {ask.id}")
        loop = asyncio.get_running_loop()
        began, key = loop.time(), uuid4().hex
        digest = composed(channel, key, [Told("test", _example(key, ask.by, self.clock()))], 1, self.clock())
        try:
            complaint = await self.outbox.send_now(channel, digest)
        except Undelivered as error:
            return Tested(arrived=False, error=str(error), seconds=loop.time() - began)
        return Tested(arrived=True, error=complaint, seconds=loop.time() - began)

    async def sent(self, query: alerting.ListNotices, _delivery: Delivery) -> alerting.Notices:
        found = await self.notices.listed(query)
        return alerting.Notices(notices=tuple(found), dead=await self.notices.count(NoticeState.DEAD))

    async def retry(self, ask: alerting.RetryNotices, _delivery: Delivery) -> alerting.RetriedNotices:
        """Dead ones, again from the first try; or drop them."""
        now = self.clock()
        fresh = {"state": NoticeState.WAITING, "attempts": 0, "next_at": now}
        changes = {"state": NoticeState.DROPPED} if ask.discard else fresh
        dead = await self.notices.dead(ask)
        await self.notices.save([each.model_copy(update=changes) for each in dead])
        if not ask.discard:
            await self.outbox.wake()
        for channel_id in {each.channel for each in dead}:
            await self.herald.channel(channel_id, ask.by)
        return alerting.RetriedNotices(count=len(dead))

    def _remarks(self, channel: KeptChannel) -> tuple[str, ...]:
        said: list[str] = []
        if channel.secret is not None and not self.safe.seals:
            said.append("its secret is kept as it is: the operator set nothing to seal it with")
        target = channel.target
        if target.kind == "email" and target.security is Security.NONE:
            said.append("mail goes out unencrypted")
        if not channel.enabled:
            said.append("it is switched off")
        return tuple(said)


async def _check(body: ChannelBody, secret: str | None) -> None:
    wrong = wrong_templates(body)
    target: Target = body.target
    if secret is not None and target.kind == "webhook" and (why := wrong_secret(secret)):
        wrong["target.secret"] = why
    if (
        secret is not None
        and target.kind == "apprise"
        and (why := await asyncio.to_thread(wrong_url, secret))
    ):
        wrong["target.url"] = why
    if isinstance(target, EmailTarget | MqttTarget) and secret is not None and target.user is None:
        wrong["target.user"] = "a password needs a user"
    if target.kind == "email" and secret is not None and target.security is Security.NONE:
        wrong["target.security"] = "a password is not sent where everybody between can read it"
    if wrong:
        raise Invalid("; ".join(f"{name}: {why}" for name, why in wrong.items()), wrong)


def _example(key: str, by: str, now: datetime) -> Alert:
    return Alert(
        id=key,
        rule="test",
        severity=Severity.INFO,
        title="This is a test",
        message=f"{by} tried this channel. Nothing is wrong.",
        state=AlertState.OPEN,
        timestamp=now,
    )
