"""What attempts were made of."""

from andon.contracts import Message
from andon.contracts.queue import JobId, JobRecord
from andon.storage import Collection, Index, Mongo

_DATABASE = "queue"
_TRIED = 200
"""Attempts of one job that are looked through at most."""


class KeptRecord(Message):
    job: JobId
    attempt: int
    record: str
    """As JSON: never searched, free in shape."""


class Records:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._records = Collection(
            mongo.database(_DATABASE), "records", KeptRecord, key=_key, indexes=(Index(("job", "attempt")),)
        )

    async def prepare(self) -> None:
        await self._records.prepare()

    async def put(self, job_id: str, record: JobRecord) -> None:
        """The same again is harmless."""
        text = record.model_dump_json(exclude_defaults=True)
        await self._records.put(KeptRecord(job=job_id, attempt=record.attempt, record=text))

    async def get(self, job_id: str, attempt: int | None) -> JobRecord | None:
        """Of one attempt; without a number, of the last one that has any."""
        where = {"job": job_id} if attempt is None else {"job": job_id, "attempt": attempt}
        found = await self._records.find(where, sort=["-attempt"], limit=1)
        return JobRecord.model_validate_json(found[0].record) if found else None

    async def drop(self, job_ids: list[str]) -> None:
        """Their jobs are gone."""
        if job_ids:
            await self._records.delete_where({"job": {"$in": job_ids}})


def _key(kept: KeptRecord) -> str:
    return f"{kept.job}.{kept.attempt}"
