"""Rules: read, changed, tried on the past, and who changed them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from andon.alerting.domain.builtin import CHANNEL_FAILING, PASS_RATE_LOW, PassRate, builtin, configured
from andon.alerting.domain.checking import contradictions, remarks
from andon.alerting.domain.previewing import MOST, Past, over_parts, over_windows
from andon.alerting.handlers.herald import Herald
from andon.alerting.handlers.plant import Lines
from andon.alerting.store.rollups import Rollups
from andon.alerting.store.rules import Channels, Rules
from andon.contracts import Conflict, Invalid, NotFound, Unavailable, alerting, config, inspection, stream_of
from andon.contracts.alerting import (
    AlertRule,
    Consecutive,
    Cusum,
    Preview,
    RuleBody,
    Threshold,
    WesternElectric,
)
from andon.contracts.inspection import Inspection
from andon.messaging import Delivery, Service

STREAM = stream_of(inspection.PART_JUDGED)
_MOST_RULES = 500
_MOST_PARTS = 20_000
"""Parts that a rule is tried on which goes from part to part; the newest."""
_PAGE = 2000
_LATELY_HOURS = 24


@dataclass
class Rulebook:
    """Andon's own rules, with what people changed and added."""

    bus: Service
    rules: Rules
    channels: Channels
    rollups: Rollups
    lines: Lines
    base: PassRate
    settled: asyncio.Event
    """Set once it is known what the configuration says."""
    clock: Callable[[], datetime]
    herald: Herald
    document: config.Document | None = None
    stored: dict[str, AlertRule] = field(default_factory=dict[str, AlertRule])
    """As of the last reading."""
    on_change: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    _all: dict[str, AlertRule] | None = None

    @property
    def all(self) -> dict[str, AlertRule]:
        """Every rule as it holds now, by id."""
        if self._all is None:
            rules = {**builtin(self.base), **self.stored}
            self._all = {name: configured(rule, self.document) for name, rule in sorted(rules.items())}
        return self._all

    def go_by(self, document: config.Document) -> None:
        """The configuration changed."""
        self.document = document
        self._changed()

    async def read(self) -> None:
        """Raises Unavailable."""
        stored = {each.id: each for each in await self.rules.all()}
        if stored != self.stored:
            self.stored = stored
            self._changed()

    async def listed(self, _query: alerting.ListRules, _delivery: Delivery) -> alerting.Rules:
        await self._known()
        return alerting.Rules(rules=tuple(self.all.values()))

    async def one(self, query: alerting.ReadRule, _delivery: Delivery) -> AlertRule:
        """Raises NotFound."""
        await self._known()
        return self._named(query.id)

    async def told(self, _query: alerting.GetRule, _delivery: Delivery) -> alerting.Rule:
        """What the pass rate is held against."""
        await self._known()
        condition = self.all[PASS_RATE_LOW].condition
        assert isinstance(condition, Threshold)  # noqa: S101 - no other is saved under this name
        return alerting.Rule(
            pass_rate_target=condition.limit,
            window_minutes=condition.window_minutes,
            minimum_parts=condition.minimum_parts,
            clear_margin=condition.clear_margin,
        )

    async def put(self, ask: alerting.PutRule, _delivery: Delivery) -> alerting.SavedRule:
        """Raises Invalid when it could never or would always fire, and Conflict at another revision."""
        await self._known()
        await self._check(ask.id, ask.rule)
        before = self.all.get(ask.id)
        if ask.revision is not None and ask.revision != (before.revision if before else 0):
            raise Conflict(f"rule {ask.id} is at revision {before.revision if before else 0}")
        if before is None and len(self.all) >= _MOST_RULES:
            raise Invalid(f"there are {_MOST_RULES} rules at most", {"id": "one too many"})
        rule = AlertRule(
            **{name: getattr(ask.rule, name) for name in RuleBody.model_fields},
            id=ask.id,
            revision=await self.rules.last_revision(ask.id) + 1,
            changed_at=self.clock(),
            changed_by=ask.by,
            builtin=ask.id in builtin(self.base),
        )
        await self._save(ask.id, rule)
        await self.read()
        await self.herald.rule(ask.id, ask.by, rule)
        return alerting.SavedRule(rule=rule, remarks=await self._remarks(ask.rule))

    async def delete(self, ask: alerting.DeleteRule, _delivery: Delivery) -> alerting.RuleDeleted:
        """Raises NotFound, and Conflict for one of Andon's own that nobody changed."""
        await self._known()
        rule = self._named(ask.id)
        users = [each.id for each in self.all.values() if ask.id in each.unless]
        if users and not rule.builtin:
            raise Conflict(f"rule {users[0]} names it: change that one first")
        if not await self.rules.delete(ask.id):
            raise Conflict(f"{ask.id} came with Andon: switch it off instead", {"id": "can't be deleted"})
        await self.read()
        await self.herald.rule(ask.id, ask.by, self.all.get(ask.id))
        return alerting.RuleDeleted(id=ask.id, rule=builtin(self.base).get(ask.id))

    async def history(self, query: alerting.ReadRule, _delivery: Delivery) -> alerting.RuleHistory:
        """Raises NotFound."""
        revisions = await self.rules.history(query.id)
        if not revisions:
            await self.one(query, _delivery)
        return alerting.RuleHistory(revisions=tuple(revisions))

    async def preview(self, ask: alerting.PreviewRule, _delivery: Delivery) -> Preview:
        """Raises Invalid as saving would."""
        await self._known()
        is_channels = ask.rule.condition.kind == "channel_failing"
        await self._check(CHANNEL_FAILING if is_channels else "", ask.rule)
        now = self.clock()
        past = await self._past(ask.rule, ask.hours)
        return Preview(
            since=past.since or now - timedelta(hours=ask.hours),
            until=now,
            parts=past.parts,
            firings=past.firings[:MOST],
            total=len(past.firings),
            remarks=(*remarks(ask.rule, self.lines.lines), *past.remarks),
        )

    async def _remarks(self, rule: RuleBody) -> tuple[str, ...]:
        """Of a rule that is saved: what was counted lately tells more than its numbers alone."""
        past = await self._past(rule, _LATELY_HOURS) if isinstance(rule.condition, Threshold) else None
        return (*remarks(rule, self.lines.lines), *(past.remarks if past else ()))

    async def _past(self, rule: RuleBody, hours: int) -> Past:
        now = self.clock()
        since = now - timedelta(hours=hours)
        condition = rule.condition
        match condition:
            case Threshold():
                counted = await self.rollups.hours(since, now)
                return await asyncio.to_thread(over_windows, rule, counted, self.lines.lines, since, now)
            case Consecutive() | WesternElectric() | Cusum():
                parts, all_of_it = await self._parts(since)
                past = await asyncio.to_thread(over_parts, rule, condition, parts, self.lines.lines)
                return past if all_of_it else past.of_newest(parts[0][1].judged_at if parts else now)
            case _:
                return Past((), 0, ("this kind of rule can't be tried on the past",))

    async def _parts(self, since: datetime) -> tuple[list[tuple[int, Inspection]], bool]:
        """The newest parts with their places in the stream, and whether that is all since then."""
        last = await self.bus.last_sequence(STREAM)
        place = first = max(0, last - _MOST_PARTS)
        found: list[tuple[int, Inspection]] = []
        while place < last:
            page = await self.bus.replay(STREAM, place, _PAGE)
            if not page:
                break
            place = page[-1][2].sequence
            found += [
                (delivery.sequence, part)
                for _, part, delivery in page
                if isinstance(part, Inspection) and part.judged_at >= since
            ]
        return found, first == 0 or (bool(found) and found[0][0] > first + 1)

    async def _check(self, rule_id: str, rule: RuleBody) -> None:
        channels = {each.id for each in await self.channels.all()}
        if wrong := contradictions(rule_id, rule, self.all.keys(), channels):
            raise Invalid("; ".join(f"{name}: {why}" for name, why in wrong.items()), wrong)

    async def _save(self, rule_id: str, rule: AlertRule) -> None:
        stored = self.stored.get(rule_id)
        if stored is None:
            await self.rules.add(rule)
        elif not await self.rules.change(stored, rule):
            raise Conflict(f"rule {rule_id} was changed a moment ago: read it again")

    async def _known(self) -> None:
        try:
            async with asyncio.timeout(2):
                await self.settled.wait()
        except TimeoutError as error:
            raise Unavailable("the configuration is not known yet") from error
        await self.read()

    def _named(self, rule_id: str) -> AlertRule:
        rule = self.all.get(rule_id)
        if rule is None:
            raise NotFound(f"there is no rule {rule_id}")
        return rule

    def _changed(self) -> None:
        self._all = None
        for tell in self.on_change:
            tell()
