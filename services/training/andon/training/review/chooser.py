"""Hears what was judged and chooses what people are asked about."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Conflict, NotFound, inspection, review
from andon.contracts.inspection import Inspection
from andon.contracts.review import Policy, Reason, ReviewItem
from andon.messaging import Delivery, Service
from andon.training.review import rules
from andon.training.review.eyes import Eyes
from andon.training.review.likeness import NOTHING, Look, Memory, Nearest
from andon.training.review.store import ReviewStore, Row

_POLICY_SECONDS = 5.0
_HOUR_MINUTES = 60


@dataclass(frozen=True)
class _Seen:
    """A look at a part, if there was one, and what it is most like."""

    look: Look | None = None
    nearest: Nearest = NOTHING


@dataclass
class Pace:
    """So many a minute, in bursts of at most as many, or of one; at 0 none."""

    per_minute: float
    _left: float = -1
    _at: float = 0

    def allows(self, now: float) -> bool:
        most = max(1.0, self.per_minute) if self.per_minute else 0.0
        if self._left < 0:
            self._left, self._at = most, now
        self._left = min(most, self._left + (now - self._at) * self.per_minute / 60)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass
class _Station:
    """What is known of one, in memory."""

    candidates: Pace
    probes: Pace
    drifted: Pace
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    memory: Memory = field(default_factory=Memory)
    loaded: bool = False
    policy: Policy | None = None
    policy_at: float = 0


@dataclass
class Chooser:
    """Chooses by record first, which costs nothing, and by looks then, within a budget."""

    bus: Service
    store: ReviewStore
    eyes: Eyes
    clock: Callable[[], datetime]
    drifting: Callable[[], Awaitable[AbstractSet[str]]]
    """The stations that are not as they were."""
    looks_per_minute: float = 120
    """Of each station, at parts that have a reason."""
    probes_per_minute: float = 6
    """Of each station, at parts that have none, to see whether they are new."""
    drifted_per_hour: float = 20
    """Of each station that drifts, parts that are chosen for that alone."""
    _drifting: AbstractSet[str] = frozenset()
    _drifting_at: float = float("-inf")
    _stations: dict[str, _Station] = field(init=False)

    def __post_init__(self) -> None:
        self._stations = defaultdict(
            lambda: _Station(
                Pace(self.looks_per_minute),
                Pace(self.probes_per_minute),
                Pace(self.drifted_per_hour / _HOUR_MINUTES),
            )
        )

    async def judged(self, part: Inspection, _: Delivery) -> None:
        """Reaction to PART_JUDGED."""
        if part.image is None:
            return
        station = self._stations[part.station_id]
        policy = await self._policy(station, part.station_id)
        why = rules.reasons(part, policy)
        if part.station_id in await self._drifters() and station.drifted.allows(time.monotonic()):
            why += (Reason.DRIFT,)
        if not why:
            await self._probe(part, station, policy)
            return
        if await self.store.get(part.id) is not None:
            return
        why = (await self.store.room(part.station_id, self.clock())).wanted(why, policy)
        if why and (Reason.AUDIT in why or station.candidates.allows(time.monotonic())):
            await self._choose(part, why, station, policy)

    async def record_deleted(self, gone: inspection.Deleted, _: Delivery) -> None:
        """Reaction to RECORD_DELETED."""
        await self.store.drop(gone.id)

    async def evidence_removed(self, gone: inspection.EvidenceRemoved, _: Delivery) -> None:
        """Reaction to EVIDENCE_REMOVED."""
        await self.store.drop_before(gone.cutoff)

    def policy_changed(self, policy: Policy) -> None:
        """Take it over at once; other replicas do within seconds."""
        station = self._stations[policy.station_id]
        station.policy, station.policy_at = policy, time.monotonic()

    async def ask(self, part: Inspection, why: tuple[Reason, ...]) -> ReviewItem:
        """Put a part into the queue, or its reasons to the item that is there."""
        policy = await self._policy(self._stations[part.station_id], part.station_id)
        row = _row(part, why, _Seen(), policy, self.clock())
        return await self._added(row)

    async def _probe(self, part: Inspection, station: _Station, policy: Policy) -> None:
        if not station.probes.allows(time.monotonic()):
            return
        look = await self._look(part, whole=True)
        if look is None or not station.memory.is_new(look):
            return
        if await self.store.get(part.id) is None:
            room = await self.store.room(part.station_id, self.clock())
            if room.wanted((Reason.NOVEL,), policy):
                await self._choose(part, (Reason.NOVEL,), station, policy, look)

    async def _choose(
        self,
        part: Inspection,
        why: tuple[Reason, ...],
        station: _Station,
        policy: Policy,
        look: Look | None = None,
    ) -> None:
        look = look or await self._look(part)
        async with station.turn:  # two copies that come together must see each other
            await self._load(station, part.station_id)
            nearest = station.memory.nearest(look) if look else NOTHING
            # Chance draws copies as well, or it would not be chance.
            if nearest.id is not None and nearest.copies >= policy.copies and Reason.AUDIT not in why:
                await self.store.alike(nearest.id)
                return
            why = (await self.store.room(part.station_id, self.clock())).wanted(why, policy)
            if not why:
                return
            row = _row(part, why, _Seen(look, nearest), policy, self.clock())
            await self._added(row)
            if look:
                station.memory.remember(part.id, look)

    async def _look(self, part: Inspection, *, whole: bool = False) -> Look | None:
        try:
            return await self.eyes.look(part, whole=whole)
        except NotFound:  # deleted meanwhile: RECORD_DELETED follows
            return None

    async def _load(self, station: _Station, station_id: str) -> None:
        if not station.loaded:
            for name, look in (await self.store.looks(station_id)).items():
                station.memory.remember(name, look)
            station.loaded = True

    async def _added(self, row: Row) -> ReviewItem:
        try:
            await self.store.add(row)
        except Conflict:
            known = await self.store.get(row.id)
            if known is None:
                raise
            more = tuple(dict.fromkeys((*known.reasons, *row.reasons)))
            if more != known.reasons:
                await self.store.swap(known, {"reasons": more})
            return shown(known.model_copy(update={"reasons": more}))
        item = shown(row)
        await self.bus.say(review.ITEM_QUEUED, item, once=f"{row.id}:{row.created_at.isoformat()}")
        return item

    async def _drifters(self) -> AbstractSet[str]:
        if time.monotonic() - self._drifting_at > _POLICY_SECONDS:
            self._drifting, self._drifting_at = await self.drifting(), time.monotonic()
        return self._drifting

    async def _policy(self, station: _Station, station_id: str) -> Policy:
        if station.policy is None or time.monotonic() - station.policy_at > _POLICY_SECONDS:
            station.policy, station.policy_at = await self.store.policy(station_id), time.monotonic()
        return station.policy


def shown(row: Row) -> ReviewItem:
    """Without what only this service needs."""
    return ReviewItem.model_validate(row.model_dump())


def _row(part: Inspection, why: tuple[Reason, ...], seen: _Seen, policy: Policy, now: datetime) -> Row:
    if part.image is None:
        raise Conflict(f"inspection '{part.id}' has no image (any more), so nobody can look at it")
    same = set(ReviewItem.model_fields) & set(Inspection.model_fields)
    return Row(
        **part.model_dump(include=same),
        reasons=why,
        distance=seen.nearest.distance,
        reviewers=policy.reviewers,
        created_at=now,
        look=seen.look.text() if seen.look else "",
        counted=_budget(why),
    )


def _budget(why: tuple[Reason, ...]) -> str:
    if why == (Reason.AUDIT,):
        return "audit"
    return "" if why == (Reason.MANUAL,) else "asked"
