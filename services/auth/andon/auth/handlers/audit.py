"""Writes down who did what, and tells it again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

from andon.auth.domain.chain import Break, Link, walked
from andon.auth.store.chain import ChainStore
from andon.contracts import audit
from andon.contracts.audit import Action, Outcome
from andon.contracts.auth import Actor
from andon.messaging import Delivery, Service
from andon.telemetry import trace_id


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class AuditDesk:
    """Keeps the chain."""

    chain: ChainStore

    async def record(self, action: Action, _delivery: Delivery) -> None:
        """Reaction to audit.RECORD."""
        await self.chain.append(action)

    async def verify(self, _question: audit.VerifyChain, _delivery: Delivery) -> audit.Verified:
        """Reads all entries, a page at a time."""
        last, found = await verified(self.chain, {})
        broken = found.sequence if found else None
        return audit.Verified(
            sequence=last.sequence, hash=last.hash, broken_at=broken, why=found.why if found else ""
        )

    async def entries(self, question: audit.ListEntries, _delivery: Delivery) -> audit.Entries:
        return await self.chain.page(question)


@dataclass(frozen=True)
class Witness:
    """Tells the audit log what this service did, as every other service does: over the bus."""

    bus: Service
    clock: Callable[[], datetime] = utc_now

    async def tell(  # noqa: PLR0913 - the fields of an action
        self, actor: Actor, action: str, *, target: str = "", outcome: Outcome = Outcome.DONE,
        details: Mapping[str, str] | None = None, address: str = "",
    ) -> None:  # fmt: skip
        """Returns once the broker keeps it: what can't be told is not answered as done."""
        said = Action(
            id=uuid4().hex, at=self.clock(), actor=actor, action=action, target=target, outcome=outcome,
            details=dict(details or {}), address=address, trace_id=trace_id(),
        )  # fmt: skip
        await self.bus.say(audit.RECORD, said, once=said.id)


async def verified(chain: ChainStore, noted: Mapping[int, str]) -> tuple[Link, Break | None]:
    """How far the chain holds, and where it breaks. `noted` are hashes that must be met, by sequence."""
    head = await chain.head()
    known = {**({head.sequence: head.hash} if head.sequence else {}), **noted}
    last, found = Link(), None
    async for page in chain.pages():
        last, found = walked(page, last, known)
        if found:
            return last, found
    if max(known, default=0) > last.sequence:
        return last, Break(last.sequence + 1, "it is missing")
    if not head.sequence and last.sequence > 1:
        return last, Break(last.sequence + 1, "the note of how far the log goes is missing")
    return last, None
