"""The configuration document, with every revision it ever had."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from andon.contracts import Conflict, Time
from andon.contracts.config import Change, Document, Revision, Value, Values
from andon.inspection.domain import configuration
from andon.inspection.domain.configuration import API_KEY, Chosen
from andon.inspection.domain.retention import Policy
from andon.storage import Collection, Database

_KEY = "current"


class Kept(BaseModel):
    """What stands in the database. It says itself whether history and bus were told of its last change."""

    id: str = _KEY
    revision: int = 0
    changed_at: Time | None = None
    changed_by: str | None = None
    chosen: tuple[tuple[str, Value], ...] = ()
    changes: tuple[Change, ...] = ()
    told: bool = True

    @property
    def values(self) -> Chosen:
        """What people set, by field."""
        return dict(self.chosen)


class _KeptRevision(Revision):
    id: str


@dataclass(eq=False)
class ConfigurationStore:
    """The document is held in memory, so that whoever needs a value has it at once: `now()`."""

    database: Database
    defaults: Values = field(default_factory=Values)
    """What the service was started with."""
    _kept: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        self._documents = Collection(self.database, "configuration", Kept)
        self._revisions = Collection(self.database, "configuration_revisions", _KeptRevision)
        self._now = self.document(self._kept)

    def now(self) -> Document:
        """The configuration as this process knows it; at most half a second old."""
        return self._now

    def policy(self) -> Policy:
        """How long records and pictures stay, now."""
        section = self._now.inspection
        return Policy(
            image_days=section.image_retention_days,
            record_days=section.record_retention_days,
            max_gb=section.max_gb,
            hold_failed=section.hold_failed,
        )

    def keep_passed(self) -> float | None:
        """Share of passed parts that a new station keeps; None while nobody chose one."""
        return self._now.chosen_in("inspection").get("keep_passed")

    def concurrent_batches(self) -> int:
        """Batch jobs that may run at once, now."""
        return self._now.batch.max_concurrent

    def document(self, kept: Kept) -> Document:
        """A state of it as others see it."""
        chosen = kept.values
        return Document(
            **dict(configuration.effective(self.defaults, chosen)),
            revision=kept.revision,
            changed_at=kept.changed_at,
            changed_by=kept.changed_by,
            chosen=tuple(sorted(name for name in chosen if name != API_KEY)),
        )

    def api_key(self) -> str | None:
        """As it was kept, if one was set here; whoever takes this out must not show it."""
        key = self._kept.values.get(API_KEY)
        return str(key) if key else None

    async def prepare(self) -> None:
        """Know the document before anything else begins."""
        await self.read()

    async def read(self) -> Kept:
        """What is stored, and from now on in memory."""
        return self._held(await self._documents.get(_KEY) or Kept())

    async def change(self, before: Kept, chosen: Chosen, changes: tuple[Change, ...], by: str) -> Kept | None:
        """The next revision; None when it was changed meanwhile."""
        moment = datetime.now(UTC)
        if before.changed_at is not None:  # followers take what was changed last, whatever this clock says
            moment = max(moment, before.changed_at + timedelta(microseconds=1))
        after = Kept(
            revision=before.revision + 1,
            changed_at=moment,
            changed_by=by,
            chosen=tuple(sorted(chosen.items())),
            changes=changes,
            told=False,
        )
        if not await self._written(before, after):
            return None
        return self._held(after)

    async def tell(self, kept: Kept) -> None:
        """Write the revision into the history. A repeat is harmless."""
        assert kept.changed_at is not None  # noqa: S101 - only a change is told of
        await self._revisions.put(
            _KeptRevision(
                id=f"{kept.revision:09}",
                revision=kept.revision,
                changed_at=kept.changed_at,
                changed_by=kept.changed_by or "",
                changes=kept.changes,
            )
        )

    async def told(self, kept: Kept) -> None:
        """History and bus know of it."""
        await self._documents.swap(_KEY, {"revision": kept.revision}, {"told": True})

    async def history(self, limit: int, before: int | None) -> list[Revision]:
        """Newest first."""
        where = {} if before is None else {"id": {"$lt": f"{before:09}"}}
        found = await self._revisions.find(where, sort=["-id"], limit=limit)
        return [Revision(**each.model_dump(exclude={"id"})) for each in found]

    def _held(self, kept: Kept) -> Kept:
        if kept != self._kept:
            self._kept, self._now = kept, self.document(kept)
        return kept

    async def _written(self, before: Kept, after: Kept) -> bool:
        if before.revision:
            changes = after.model_dump(exclude={"id"})
            return await self._documents.swap(_KEY, {"revision": before.revision}, changes)
        try:
            await self._documents.add(after)
        except Conflict:
            return False
        return True
