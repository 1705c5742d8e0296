"""Drift and lineage asked of the real training service; the line behind it answers what a test sets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from andon.contracts import BadRequest, Message, NotFound, inspection, review, rollout, station
from andon.contracts.inspection import Decision, HourTally, Inspection, Tallies, Tally
from andon.contracts.review import Reason
from andon.contracts.rollout import (
    DriftNews,
    GetDrift,
    GetLineage,
    Measure,
    RolledBack,
    Rollout,
    RolloutState,
)
from andon.contracts.station import TrialRole
from andon.messaging import Delivery, Service
from andon.runtime import serving
from andon.storage import Mongo
from andon.testing import build, eventually
from andon.training.app import SERVICE, TrainingSettings
from andon.training.rollout.app import RolloutSettings
from andon.training.rollout.store import RolloutStore
from andon.training.store import Versions

THIS_HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@dataclass
class Line:
    """Inspection as training sees it."""

    bus: Service
    versions: Versions
    rollouts: RolloutStore
    hours: list[HourTally] = field(default_factory=list)
    heard: list[DriftNews] = field(default_factory=list)
    backs: list[RolledBack] = field(default_factory=list)
    records: dict[str, Inspection] = field(default_factory=dict)

    async def tallies(self, wanted: inspection.GetTallies, _: Delivery) -> Tallies:
        since = THIS_HOUR - timedelta(hours=wanted.hours - 1)
        there = [each for each in self.hours if each.hour >= since]
        return Tallies(hours=tuple(sorted(there, key=lambda each: each.hour)))

    async def stations(self, _: station.ListStations, __: Delivery) -> station.Stations:
        return station.Stations(stations=())

    async def record(self, wanted: inspection.GetInspection, _: Delivery) -> Inspection:
        if wanted.id not in self.records:
            raise NotFound(f"there is no inspection '{wanted.id}'")
        return self.records[wanted.id]

    async def hear(self, message: Message, _: Delivery) -> None:
        if isinstance(message, RolledBack):
            self.backs.append(message)
        else:
            assert isinstance(message, DriftNews)
            self.heard.append(message)

    def judge(self, ago: int, parts: int = 300, level: float = 40.0, seed: int = 1) -> None:
        """Parts of an hour, scoring around a bin."""
        random = np.random.default_rng(ago + seed)
        bins, counts = np.unique(random.normal(level, 3, parts).astype(int), return_counts=True)
        scores = dict(zip(bins.tolist(), counts.tolist(), strict=True))
        tally = Tally(parts=parts, passed=parts, scores=scores, brightness={15: parts // 2, 16: parts // 2})
        hour = THIS_HOUR - timedelta(hours=ago)
        self.hours.append(HourTally(station_id="line-1", hour=hour, version_id="v-1", tally=tally))


@pytest.fixture
async def line(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Line]:
    settings = TrainingSettings(
        bus=bus_settings,
        mongo=mongo_settings,
        s3=blob_settings,
        data=tmp_path,
        rollout=RolloutSettings(drift_seconds=0.1, look_seconds=0.1),
    )
    async with Mongo(mongo_settings) as mongo:
        rollouts = RolloutStore(mongo.database("training"))
        line = Line(Service("inspection", bus_settings), Versions(mongo), rollouts)
        line.bus.answers(inspection.TALLIES, line.tallies)
        line.bus.answers(inspection.GET, line.record)
        line.bus.answers(station.LIST, line.stations)
        line.bus.follows(
            [rollout.DRIFT_STARTED, rollout.DRIFT_ENDED, rollout.ROLLED_BACK], line.hear, after=_all
        )
        async with line.bus, serving(SERVICE, settings):
            yield line


async def _all() -> int:
    return 0


async def drift(line: Line) -> list[rollout.HourDrift]:
    found = await line.bus.ask(rollout.DRIFT, GetDrift(station_id="line-1", hours=24))
    return [each for each in found.hours if each.measure is Measure.SCORE]


async def test_drift_is_told_when_it_begins_and_when_it_ends(line: Line) -> None:
    for ago in range(10, 1, -1):
        line.judge(ago)

    hours = await eventually(lambda: drift(line))
    assert [each.drifted for each in hours] == [False] * 8
    assert line.heard == []

    line.judge(1, level=46)
    [began] = await eventually(lambda: line.heard)
    assert (began.station_id, began.measure, began.since) == (
        "line-1",
        Measure.SCORE,
        THIS_HOUR - timedelta(hours=1),
    )
    assert began.psi > 0.2

    line.judge(0)
    await eventually(lambda: len(line.heard) == 2)
    ended = line.heard[1]
    assert (ended.since, ended.hour) == (began.since, THIS_HOUR)
    assert [each.drifted for each in await drift(line)] == [False] * 8 + [True, False]


async def test_people_are_asked_about_parts_of_a_station_that_drifts(line: Line) -> None:
    for ago in range(10, 1, -1):
        line.judge(ago)
    line.judge(1, level=46)
    await eventually(lambda: line.heard)

    for number in range(5):
        said = build.inspection(id=f"part-{number}", station_id="line-1", image=build.stored_image())
        await line.bus.say(inspection.PART_JUDGED, said, once=said.id)

    await eventually(lambda: asked_about(line, Reason.DRIFT))
    unsure = build.inspection(
        id="last", station_id="line-1", decision="uncertain", image=build.stored_image()
    )
    await line.bus.say(inspection.PART_JUDGED, unsure, once="last")
    await eventually(lambda: asked_about(line, Reason.UNCERTAIN))
    assert len(await asked_about(line, Reason.DRIFT)) == 1  # twenty an hour are one in three minutes


async def asked_about(line: Line, reason: Reason) -> tuple[review.ReviewItem, ...]:
    wanted = review.ListItems(station_id="line-1", reason=reason)
    return (await line.bus.ask(review.LIST, wanted)).items


async def test_people_are_asked_where_the_shadow_decides_otherwise(line: Line) -> None:
    def trial(decision: Decision) -> inspection.Trialled:
        return inspection.Trialled(
            rollout_id="r-1", role=TrialRole.SHADOW, version_id="v-2", by_new=False, decision=decision
        )

    for name, decision in (("part-1", Decision.PASS), ("part-2", Decision.FAIL)):
        said = build.inspection(
            id=name, station_id="line-1", image=build.stored_image(), trial=trial(decision)
        )
        await line.bus.say(inspection.PART_JUDGED, said, once=said.id)

    [item] = await eventually(lambda: asked_about(line, Reason.DISAGREEMENT))
    assert (item.id, item.decision) == ("part-2", Decision.PASS)


async def test_what_it_is_compared_with_stays_when_its_hours_are_forgotten(line: Line) -> None:
    line.judge(30)
    await eventually(lambda: drift_reference(line))
    line.hours.clear()
    for ago in range(5, 0, -1):
        line.judge(ago, level=46)
    hours = await drift(line)
    assert [each.drifted for each in hours] == [True] * 5
    assert hours[0].reference_parts == 300


async def drift_reference(line: Line) -> bool:
    line.hours = [each for each in line.hours if each.hour < THIS_HOUR]
    line.judge(0)
    return bool(await drift(line))


async def test_an_hour_with_few_parts_says_nothing(line: Line) -> None:
    line.judge(5)
    line.judge(2, parts=40, level=60)
    line.judge(1)
    hours = await eventually(lambda: drift(line))
    assert [each.hour for each in hours] == [THIS_HOUR - timedelta(hours=1)]


async def test_a_part_leads_back_to_everything_its_verdict_came_from(line: Line) -> None:
    common: dict[str, Any] = {"dataset_version": "d-1", "code_manifest": "andon-training==0.1.0"}
    first = build.model_version(id="v-1", job_id="fit-1", **common)
    second = build.model_version(id="v-2", job_id="fit-2", parent="v-1", held_out="h", **common)
    for version in (first, second):
        await line.versions.put(version)
    await line.versions.deleted("v-1", build.NOON)
    part = build.inspection(model_version="v-2", image=build.stored_image())
    line.records[part.id] = part

    found = await line.bus.ask(rollout.LINEAGE, GetLineage(inspection_id=part.id))

    assert found.part is not None
    assert (found.part.part_id, found.part.image_key) == ("part-1", "evidence/default/frame-1.jpg")
    told = [(each.version_id, each.job_id, each.parent, each.held_out) for each in found.versions]
    assert told == [("v-2", "fit-2", "v-1", "h"), ("v-1", "fit-1", None, "")]
    assert {each.dataset_version for each in found.versions} == {"d-1"}
    assert found.missing is None
    same = await line.bus.ask(rollout.LINEAGE, GetLineage(version_id="v-2"))
    assert (same.part, same.versions) == (None, found.versions)


async def test_a_chain_that_breaks_or_bites_its_tail_ends(line: Line) -> None:
    await line.versions.put(build.model_version(id="v-1", parent="v-0"))
    await line.versions.put(build.model_version(id="v-2", parent="v-3"))
    await line.versions.put(build.model_version(id="v-3", parent="v-2"))

    broken = await line.bus.ask(rollout.LINEAGE, GetLineage(version_id="v-1"))
    round_ = await line.bus.ask(rollout.LINEAGE, GetLineage(version_id="v-2"))

    assert ([each.version_id for each in broken.versions], broken.missing) == (["v-1"], "v-0")
    assert [each.version_id for each in round_.versions] == ["v-2", "v-3"]


async def test_lineage_of_nothing_or_of_two_things_is_refused(line: Line) -> None:
    with pytest.raises(BadRequest):
        await line.bus.ask(rollout.LINEAGE, GetLineage())
    with pytest.raises(BadRequest):
        await line.bus.ask(rollout.LINEAGE, GetLineage(inspection_id="a", version_id="b"))
    with pytest.raises(NotFound):
        await line.bus.ask(rollout.LINEAGE, GetLineage(inspection_id="a"))
    with pytest.raises(NotFound):
        await line.bus.ask(rollout.LINEAGE, GetLineage(version_id="a"))
    with pytest.raises(NotFound):
        await line.bus.ask(rollout.GET, rollout.GetRollout(id="rollout-0"))
    with pytest.raises(NotFound):
        await line.bus.ask(rollout.START, rollout.StartTrial(version_id="v-0", role=TrialRole.SHADOW))


@pytest.mark.parametrize(
    ("state", "ending", "age", "becomes"),
    [
        (RolloutState.RUNNING, RolloutState.ROLLED_BACK, 0, RolloutState.ROLLED_BACK),
        (RolloutState.RUNNING, None, 0, RolloutState.ABORTED),
        (RolloutState.RUNNING, RolloutState.PROMOTED, 0, RolloutState.ABORTED),  # it does not judge there
        (RolloutState.STARTING, None, 10, RolloutState.ABORTED),
        (RolloutState.STARTING, None, 0, RolloutState.STARTING),  # somebody is about to begin it
    ],
)
async def test_what_a_crash_left_half_done_is_finished(line: Line, state, ending, age, becomes) -> None:
    left = Rollout(
        id="rollout-1",
        station_id="line-1",
        role=TrialRole.WATCH,
        version_id="v-2",
        against="v-1",
        state=state,
        ending=ending,
        reason="too slow" if ending else "",
        by="eve",
        started_at=datetime.now(UTC) - timedelta(minutes=age),
    )
    other = left.model_copy(update={"id": "rollout-2", "state": RolloutState.RUNNING, "ending": None})
    await line.rollouts.add(left)
    await line.rollouts.add(other)

    async def looked() -> bool:
        return (await line.bus.ask(rollout.GET, rollout.GetRollout(id="rollout-2"))).ended_at is not None

    await eventually(looked)
    one = await line.bus.ask(rollout.GET, rollout.GetRollout(id="rollout-1"))
    assert one.state is becomes
    if becomes is RolloutState.ROLLED_BACK:
        await eventually(lambda: [each.rollout_id for each in line.backs] == ["rollout-1"])
        assert (line.backs[0].automatic, line.backs[0].reason) == (True, "too slow")
