"""How many jobs there are of each kind: counted in full only where nothing was counted before."""

from pymongo import timeout

from andon.contracts.queue import JobStatus
from andon.queue.store.jobs import LONG_SECONDS, Jobs
from andon.storage import reaching

_BY_CELL = {"$group": {"_id": {"q": "$queue", "p": "$project", "s": "$status"}, "n": {"$sum": 1}}}


class Counts:
    """Raises Unavailable while the database is away."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs.raw

    async def cells(self) -> dict[tuple[str, str, JobStatus], int]:
        """By queue, project and status."""
        with reaching(), timeout(LONG_SECONDS):
            cursor = await self._jobs.aggregate([{"$match": {"deleted_at": None}}, _BY_CELL])
            found = await cursor.to_list()
        return {
            (each["_id"]["q"], each["_id"]["p"], JobStatus(each["_id"]["s"])): int(each["n"])
            for each in found
        }
