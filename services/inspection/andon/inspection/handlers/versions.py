"""Answers about versions: how their parts went, and which parts those were."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from andon.contracts import inspection
from andon.contracts.inspection import Decision, HourTally, JudgedPart, TrialTally
from andon.inspection.domain import rollups, tallies
from andon.inspection.domain.rollups import Rollup
from andon.inspection.store.counts import Counts
from andon.inspection.store.pages import Pages
from andon.inspection.store.rows import Row
from andon.messaging import Delivery


@dataclass(frozen=True)
class VersionDesk:
    """What versions made of their parts."""

    counts: Counts
    pages: Pages

    async def tallies(self, wanted: inspection.GetTallies, _: Delivery) -> inspection.Tallies:
        since = rollups.since(datetime.now(UTC), wanted.hours)
        rows = sorted(
            await self.counts.read(wanted.station_id, since), key=lambda row: (row.hour, row.station_id)
        )
        hours = [
            HourTally(
                station_id=row.station_id,
                hour=row.hour,
                version_id=rollups.plain_text(name),
                tally=tallies.tally(section),
            )
            for row in rows
            for name, section in row.versions.items()
        ]
        return inspection.Tallies(
            hours=tuple(hours), trials=tuple(_trial(rollout, rows) for rollout in wanted.rollout_ids)
        )

    async def judged_by(self, wanted: inspection.ListJudgedBy, _: Delivery) -> inspection.JudgedBy:
        before = None
        if wanted.after is not None:
            at, last = wanted.after.split(":")
            before = (int(at), last)
        rows = await self.pages.of_version(wanted.version_id, before, wanted.limit)
        following = f"{rows[-1]['at']}:{rows[-1]['_id']}" if len(rows) == wanted.limit else None
        return inspection.JudgedBy(
            version_id=wanted.version_id, parts=tuple(_part(row) for row in rows), next=following
        )


def _trial(rollout_id: str, rows: Iterable[Rollup]) -> TrialTally:
    sections = [row.trials[rollout_id] for row in rows if rollout_id in row.trials]
    new, old = (
        tallies.total(tallies.tally(section.get(side, {})) for section in sections) for side in ("new", "old")
    )
    return TrialTally(rollout_id=rollout_id, new=new, old=old)


def _part(row: Row) -> JudgedPart:
    fields = ("station_id", "part_id", "anomaly_score", "judged_at")
    return JudgedPart(
        id=row["_id"], decision=Decision(row["decision"]), **{name: row[name] for name in fields}
    )
