"""Answers about review items and takes in what people say of them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import NAMESPACE_URL, uuid5

from andon.contracts import Conflict, NotFound, Unavailable, inspection, review
from andon.contracts.annotation import Annotation, PartImage
from andon.contracts.inspection import Inspection
from andon.contracts.review import Annotate, AnnotatedItem, Policy, ReviewItem, ReviewState
from andon.messaging import Delivery, Service
from andon.telemetry import log
from andon.training.review.chooser import Chooser, shown
from andon.training.review.findings import Settled, check, settle
from andon.training.review.rules import WINDOW, advice
from andon.training.review.store import ReviewStore, Row

HELD_AS = "labelled"
"""The reason under which the evidence of annotated parts is kept."""
_TRIES = 20
_log = log("andon.training.review")


@dataclass(frozen=True)
class ReviewDesk:
    """Where people look and say what they see."""

    bus: Service
    store: ReviewStore
    chooser: Chooser
    clock: Callable[[], datetime]

    async def list(self, wanted: review.ListItems, _: Delivery) -> review.Items:
        total, rows = await self.store.listed(wanted)
        return review.Items(total=total, items=tuple(shown(row) for row in rows))

    async def get(self, wanted: review.GetItem, _: Delivery) -> AnnotatedItem:
        row = await self.store.get(wanted.id)
        if row is None:
            raise NotFound(f"there is no review item '{wanted.id}'")
        return AnnotatedItem(item=shown(row), annotations=tuple(await self.store.said_of(row.id)))

    async def annotate(self, said: Annotate, _: Delivery) -> ReviewItem:
        """Raises NotFound, BadRequest naming what is wrong, and Conflict when the image is gone.

        A repeat is harmless: the same person's later word replaces the earlier one.
        """
        part = await self.bus.ask(inspection.GET, inspection.GetInspection(id=said.id))
        policy = await self.store.policy(part.station_id)
        check(said, part.width, part.height, policy.classes)
        row = await self.store.get(said.id) or await self._new(part)
        # First the hold: what somebody took the trouble to mark must not vanish under their hands.
        held = inspection.HoldInspection(id=said.id, reason=HELD_AS, by=said.by)
        part = await self.bus.ask(inspection.HOLD, held)
        await self.store.keep(_annotation(said, part, self.clock()))
        return await self._settled(row)

    async def suggest(self, wanted: review.Suggest, _: Delivery) -> ReviewItem:
        """Raises NotFound, and Conflict when there is no image to look at."""
        part = await self.bus.ask(inspection.GET, inspection.GetInspection(id=wanted.id))
        return await self.chooser.ask(part, (wanted.reason,))

    async def statistics(self, wanted: review.GetReviewStatistics, _: Delivery) -> review.ReviewStatistics:
        return await self.store.statistics(wanted.station_id)

    async def advise(self, wanted: review.GetAdvice, _: Delivery) -> review.Advice:
        newest = inspection.ListInspections(station_id=wanted.station_id, limit=WINDOW)
        found = await self.bus.ask(inspection.LIST, newest)
        labeled = await self.store.unlearned(wanted.station_id)
        return advice(labeled, [each.decision for each in found.items])

    async def policy(self, wanted: review.GetPolicy, _: Delivery) -> Policy:
        return await self.store.policy(wanted.station_id)

    async def put_policy(self, wanted: review.PutPolicy, _: Delivery) -> Policy:
        """What waits already keeps the number of reviewers it was queued with."""
        known = await self.store.policy(wanted.station_id)
        changes = wanted.model_dump(exclude_none=True, exclude={"by"})
        policy = known.model_copy(update={**changes, "changed_at": self.clock(), "changed_by": wanted.by})
        await self.store.put_policy(policy)
        self.chooser.policy_changed(policy)
        return policy

    async def learned(self, news: review.Learned, _: Delivery) -> None:
        """Reaction to LEARNED."""
        found = await self.store.trained(news.sha256)
        _log.info("learned from labeled parts", version=news.version_id, parts=found)

    async def _new(self, part: Inspection) -> Row:
        await self.chooser.ask(part, (review.Reason.MANUAL,))
        row = await self.store.get(part.id)
        if row is None:
            raise Conflict(f"inspection '{part.id}' was deleted meanwhile")
        return row

    async def _settled(self, row: Row) -> ReviewItem:
        """Where the item stands is worked out from all that was said, so a lost race only means once more."""
        for _ in range(_TRIES):
            said = await self.store.said_of(row.id)
            settled = settle(said, row.reviewers)
            now = self.clock()
            changes = {
                "state": settled.state,
                "seen_by": tuple(each.by for each in said),
                "disputed": settled.disputed,
                "verdict": settled.counts.verdict if settled.counts else None,
                "annotation_id": settled.counts.id if settled.counts else None,
                "labeled_at": now if settled.counts else None,
            }
            if await self.store.swap(row, changes):
                await self._told(settled)
                return shown(row.model_copy(update=changes))
            row = await self.store.get(row.id) or await self._lost(row)
        raise Unavailable(f"inspection '{row.id}' is being annotated by too many at once; try again")

    async def _lost(self, row: Row) -> Row:
        raise NotFound(f"there is no review item '{row.id}' any more")

    async def _told(self, settled: Settled) -> None:
        counts = settled.counts
        if settled.state is ReviewState.LABELED and counts is not None:
            await self.bus.say(review.ANNOTATION_MADE, counts, once=f"{counts.id}:{counts.at.isoformat()}")


def _annotation(said: Annotate, part: Inspection, now: datetime) -> Annotation:
    if part.image is None:
        raise Conflict(f"inspection '{part.id}' has no image any more, so there is nothing to annotate")
    if not part.image.sha256:
        raise Conflict(f"inspection '{part.id}' does not tell its image's sha256, so nothing can refer to it")
    return Annotation(
        id=str(uuid5(NAMESPACE_URL, f"annotation:{part.id}:{said.by}")),
        inspection_id=part.id,
        station_id=part.station_id,
        part_id=part.part_id,
        captured_at=part.captured_at,
        image=PartImage(key=part.image.key, sha256=part.image.sha256, width=part.width, height=part.height),
        verdict=said.verdict,
        shapes=said.shapes,
        by=said.by,
        at=now,
        note=said.note,
        reviewed_by=said.reviewed_by,
        final=said.final,
    )
