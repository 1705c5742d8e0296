"""New versions on the line: refused, deployed, tried, promoted, and taken back by themselves."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from andon.contracts import Conflict, Invalid, NotFound, inspection, rollout, training
from andon.contracts.inspection import Decision
from andon.contracts.rollout import Bounds, RolledBack, Rollout, RolloutState
from andon.contracts.station import DeploymentKind, TrialRole
from andon.testing import eventually

sys.path.insert(0, str(Path(__file__).parent))
from rollout_line import (
    Plant,
    fragile_model,
    model_bytes,
    other_shape_model,
    outside_model,
    running_plant,
)

pytestmark = [pytest.mark.timeout(120), pytest.mark.long]


@pytest.fixture
async def plant(bus_settings, mongo_settings, blob_settings, tmp_path) -> AsyncIterator[Plant]:
    async with running_plant(bus_settings, mongo_settings, blob_settings, tmp_path) as plant:
        yield plant


def trial(version, role=TrialRole.CANARY, **changes) -> rollout.StartTrial:
    return rollout.StartTrial(version_id=version.id, role=role, by="eve", **changes)


def end(one: Rollout) -> rollout.EndTrial:
    return rollout.EndTrial(id=one.id, by="eve")


def back(version) -> rollout.RollBack:
    return rollout.RollBack(version_id=version.id, by="eve")


async def test_what_is_no_good_model_is_refused_and_the_old_one_goes_on(plant):
    good = await plant.version("v-good", model_bytes())
    await plant.deploy(good)
    bad = {
        "not an ONNX model": b"no model at all",
        "takes x": other_shape_model(),
        "outside of its file": outside_model(),
        "not a number": model_bytes(float("nan")),
    }
    for number, (reason, data) in enumerate(bad.items()):
        version = await plant.version(f"v-bad-{number}", data)
        with pytest.raises(Invalid, match=reason):
            await plant.deploy(version)
        with pytest.raises(Invalid, match=reason):
            await plant.ask(rollout.START, trial(version))
    [part] = await plant.show(1)
    assert (part.model_version, part.decision) == ("v-good", Decision.PASS)
    assert (await plant.station()).trial is None
    assert (await plant.ask(rollout.LIST, rollout.ListRollouts())).rollouts == ()


async def test_versions_go_on_and_back_and_away(plant):
    first, second = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 126)]
    await plant.deploy(first)
    with pytest.raises(Conflict, match="no version to go back to"):
        await plant.ask(rollout.ROLL_BACK, back(first))
    await plant.deploy(second, force=True, note="by hand")
    assert (await plant.show(1))[0].model_version == "v-126"

    [news] = (await plant.ask(rollout.ROLL_BACK, back(second))).rolled_back

    assert (news.from_version, news.to_version, news.automatic) == ("v-126", "v-128", False)
    assert (await plant.show(1))[0].model_version == "v-128"
    history = (await plant.station()).history
    assert [(each.version_id, each.kind, each.forced) for each in history] == [
        ("v-128", DeploymentKind.ROLLBACK, False),
        ("v-126", DeploymentKind.DEPLOY, True),
        ("v-128", DeploymentKind.DEPLOY, False),
    ]
    with pytest.raises(Conflict, match="no station judges by v-126"):
        await plant.ask(rollout.ROLL_BACK, back(second))
    with pytest.raises(Conflict, match="uses v-128"):
        await plant.ask(rollout.DELETE, rollout.DeleteVersion(version_id="v-128"))
    await plant.ask(rollout.DELETE, rollout.DeleteVersion(version_id="v-126"))
    assert not await plant.blobs.exists(second.model.fp32.key)
    with pytest.raises(NotFound):
        await plant.deploy(second)
    models = (await plant.ask(training.LIST, training.ListModels())).models
    assert [(each.id, each.deployed_to) for each in models] == [("v-128", ("line",))]


async def test_an_offer_is_taken_when_it_is_strictly_better_or_forced(plant):
    first = await plant.version("v-1", model_bytes(128), held_out="h", metrics={"map50": 0.8})
    same = await plant.version("v-2", model_bytes(127), held_out="h", metrics={"map50": 0.8})
    better = await plant.version("v-3", model_bytes(126), held_out="h", metrics={"map50": 0.9})

    async def offered(version, **changes):
        wanted = rollout.OfferVersion(version_id=version.id, by="auto", **changes)
        [one] = (await plant.ask(rollout.OFFER, wanted, timeout=60)).offered
        return one.activated, one.forced

    assert await offered(first) == (True, False)
    assert await offered(same) == (False, False)
    assert await offered(better) == (True, False)
    assert await offered(better, force=True) == (False, False)
    assert await offered(same, force=True) == (True, True)
    history = (await plant.station()).history
    assert [(each.version_id, each.forced) for each in history] == [
        ("v-2", True),
        ("v-3", False),
        ("v-1", False),
    ]


async def test_a_shadow_is_recorded_and_changes_nothing(plant):
    good, other = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 50)]
    await plant.deploy(good)
    [started] = (await plant.ask(rollout.START, trial(other, TrialRole.SHADOW))).rollouts
    with pytest.raises(Conflict, match="tries another version already"):
        await plant.ask(rollout.START, trial(other))

    parts = await plant.show(20)

    assert {(part.model_version, part.decision) for part in parts} == {("v-128", Decision.PASS)}
    for part in parts:
        assert part.trial.decision is Decision.FAIL
        assert part.trial.anomaly_score > 60
        assert (part.trial.rollout_id, part.trial.by_new, part.trial.error) == (started.id, False, None)

    async def counted():
        return (await plant.ask(rollout.GET, rollout.GetRollout(id=started.id))).new.parts == 20

    await eventually(counted)
    one = await plant.ask(rollout.GET, rollout.GetRollout(id=started.id))
    assert (one.state, one.new.disagreed, one.new.failed, one.old.passed) == ("running", 20, 20, 20)
    ended = await plant.ask(rollout.ABORT, end(started))
    assert (ended.state, ended.ended_by) == (RolloutState.ABORTED, "eve")
    assert (await plant.show(1))[0].trial is None
    with pytest.raises(Conflict, match="is over"):
        await plant.ask(rollout.PROMOTE, end(started))


async def test_a_canary_judges_its_share_and_is_promoted_and_watched(plant):
    old, new = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 126)]
    await plant.deploy(old)
    [started] = (await plant.ask(rollout.START, trial(new, share=0.3))).rollouts

    parts = await plant.show(80)

    versions = Counter(part.model_version for part in parts)
    assert 10 <= versions["v-126"] <= 40
    assert all(part.trial.by_new == (part.model_version == "v-126") for part in parts)
    promoted = await plant.ask(rollout.PROMOTE, end(started), timeout=60)
    assert promoted.state is RolloutState.PROMOTED
    assert {part.model_version for part in await plant.show(5)} == {"v-126"}
    known = await plant.station()
    assert (known.trial.role, known.trial.model.version_id) == (TrialRole.WATCH, "v-128")
    assert known.history[0].kind is DeploymentKind.PROMOTE
    page = await plant.ask(inspection.JUDGED_BY, inspection.ListJudgedBy(version_id="v-126", limit=7))
    seen = list(page.parts)
    while page.next is not None:
        wanted = inspection.ListJudgedBy(version_id="v-126", limit=7, after=page.next)
        page = await plant.ask(inspection.JUDGED_BY, wanted)
        seen += page.parts
    assert {part.id for part in seen} == {
        part.id for part in plant.parts.values() if part.model_version == "v-126"
    }
    assert len(seen) == versions["v-126"] + 5


async def test_a_spoiled_canary_takes_itself_back(plant):
    old, spoiled = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 10)]
    await plant.deploy(old)
    bounds = Bounds(min_parts=10)
    [started] = (await plant.ask(rollout.START, trial(spoiled, share=0.5, bounds=bounds))).rollouts

    await plant.show(60)

    [news] = await eventually(lambda: plant.heard(RolledBack))
    assert (news.automatic, news.from_version, news.rollout_id) == (True, "v-10", started.id)
    assert "pass rate 0.0%" in news.reason
    assert {part.model_version for part in await plant.show(10)} == {"v-128"}


async def test_a_spoiled_version_that_was_deployed_takes_itself_back(plant):
    old, spoiled = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 10)]
    await plant.deploy(old)
    await plant.show(60)
    await plant.deploy(spoiled)

    await plant.show(40)

    [news] = await eventually(lambda: plant.heard(RolledBack))
    assert (news.automatic, news.to_version) == (True, "v-128")
    assert await plant.judges_by() == "v-128"
    known = await plant.station()
    assert (known.history[0].kind, known.trial) == (DeploymentKind.AUTOMATIC_ROLLBACK, None)
    assert {part.decision for part in await plant.show(5)} == {Decision.PASS}
    [one] = (await plant.ask(rollout.LIST, rollout.ListRollouts(station_id="line"))).rollouts
    assert (one.state, one.version_id) == (RolloutState.ROLLED_BACK, "v-10")
    models = (await plant.ask(training.LIST, training.ListModels())).models
    assert {each.id: each.deployed_to for each in models} == {"v-128": ("line",), "v-10": ()}


async def test_a_version_that_gives_no_answers_costs_no_part_and_takes_itself_back(plant):
    old, fragile = await plant.version("v-old", model_bytes()), await plant.version("v-new", fragile_model())
    await plant.deploy(old)
    await plant.show(5)
    await plant.deploy(fragile)

    parts = await plant.show(20)

    assert {(part.model_version, part.decision) for part in parts} == {("v-old", Decision.PASS)}
    assert "not a number" in parts[0].trial.error
    [news] = await eventually(lambda: plant.heard(RolledBack))
    assert "no answer about" in news.reason
    assert await plant.judges_by() == "v-old"


async def test_a_swap_under_load_loses_no_part_and_no_time(plant):
    versions = [await plant.version(f"v-{grey}", model_bytes(grey)) for grey in (128, 127, 126)]
    await plant.deploy(versions[0])
    every = 0.2
    before = pauses(await plant.show(15, every=every))
    feeding = asyncio.create_task(plant.show(30, every=every))
    for version in versions[1:]:
        await asyncio.sleep(8 * every)
        await plant.deploy(version)
    parts = await feeding

    assert len({part.id for part in parts}) == 30
    assert len({part.model_version for part in parts}) == 3
    # No part came later than the next one was due; a machine with other work pauses by itself now and then.
    assert max(pauses(parts)) < max(2 * every, 1.5 * max(before))


def pauses(parts) -> list[float]:
    """Seconds between one part's decision and the next one's."""
    judged = sorted(part.judged_at for part in parts)
    return [(after - before).total_seconds() for before, after in pairwise(judged)]
