"""Who does a job that one process at a time should do."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pymongo.errors import DuplicateKeyError

from andon.inspection.store.ledger import micros
from andon.storage import Database, reaching


@dataclass(eq=False)
class Lease:
    """One job's lease. A process that dies with it loses it after `lasts`; clocks may differ by less."""

    database: Database
    job: str
    lasts: timedelta = timedelta(minutes=2)
    holder: str = field(default_factory=lambda: uuid4().hex)

    def __post_init__(self) -> None:
        self._leases = self.database["leases"]

    async def take(self) -> bool:
        """Take or renew it; False while another holds it."""
        now = datetime.now(UTC)
        mine = {"holder": self.holder, "until": micros(now + self.lasts)}
        free = [{"holder": self.holder}, {"until": {"$lt": micros(now)}}]
        with reaching():
            taken = await self._leases.update_one({"_id": self.job, "$or": free}, {"$set": mine})
            if taken.matched_count:
                return True
            try:
                await self._leases.insert_one({"_id": self.job, "done": 0, **mine})
            except DuplicateKeyError:
                return False
        return True

    async def give_back(self, *, done: datetime | None = None) -> None:
        """Let go, and leave word of when the job was last done."""
        change = {"until": 0} | ({"done": micros(done)} if done else {})
        with reaching():
            await self._leases.update_one({"_id": self.job, "holder": self.holder}, {"$set": change})

    async def due(self, every: timedelta) -> bool:
        """Whether the job was not done for so long."""
        with reaching():
            row = await self._leases.find_one({"_id": self.job})
        return row is None or row["done"] <= micros(datetime.now(UTC) - every)
