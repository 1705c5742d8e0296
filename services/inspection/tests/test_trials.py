"""Which model judges which part, how stations change models, and what is counted of it: as tables."""

from datetime import timedelta

import pytest

from andon.contracts import Conflict, Invalid, NotFound
from andon.contracts.inspection import Decision, Trialled
from andon.contracts.station import (
    Deployment,
    DetectorModel,
    DetectorUse,
    ModelFile,
    ModelRef,
    SetModel,
    Station,
    Trial,
    TrialRole,
)
from andon.contracts.training import ModelDeployed
from andon.inspection.domain.rollups import judged
from andon.inspection.domain.rule import Rule
from andon.inspection.domain.stations import deployed, switched
from andon.inspection.domain.tallies import AT_LIMIT, by_trial, rank_bin, score_bin, tally, total
from andon.inspection.domain.trials import Opinion, Plan, plan_of, trialled
from andon.testing import build


def place(role: TrialRole | None = None, share: float = 0.0) -> Station:
    """Judges by model-1; model-2 is on trial, or model-0 steps in."""
    other = "model-0" if role is TrialRole.WATCH else "model-2"
    trial = role and Trial(
        rollout_id="r-1",
        role=role,
        model=build.model_ref(version_id=other, digest="1" * 64),
        thresholds=build.thresholds(fail_above=0.9),
        share=share,
    )
    return build.station(trial=trial)


@pytest.mark.parametrize(
    ("role", "share", "asked", "new"),
    [
        (None, 0.0, ["model-1", None, None], ""),
        (TrialRole.SHADOW, 0.0, ["model-1", None, "model-2"], "model-2"),
        (TrialRole.CANARY, 1.0, ["model-2", "model-1", None], "model-2"),
        (TrialRole.CANARY, 0.0, ["model-1", None, None], "model-2"),
        (TrialRole.WATCH, 0.0, ["model-1", "model-0", None], "model-1"),
    ],
)
def test_who_judges_who_steps_in_and_who_is_silent(role, share, asked, new):
    plan = plan_of(place(role, share), "p1")
    assert plan is not None
    names = [each and each.model.version_id for each in (plan.judge, plan.instead, plan.silent)]
    assert (names, plan.new_version) == (asked, new)


def planned(role: TrialRole, share: float = 0.0, part: str = "p1") -> Plan:
    plan = plan_of(place(role, share), part)
    assert plan is not None
    return plan


def told_of(plan: Plan, judged_by: Rule | None, error: str | None, silent: Opinion | None) -> Trialled:
    assert judged_by is not None
    told = trialled(plan, judged_by, error, silent)
    assert told is not None
    return told


def revision(known: Station) -> int:
    assert known.recipe is not None
    return known.recipe.revision


def test_a_canary_judges_its_share_and_always_the_same_parts():
    names = [f"part-{number}" for number in range(2000)]
    by_new = [planned(TrialRole.CANARY, 0.2, name).new_judges for name in names]
    assert by_new == [planned(TrialRole.CANARY, 0.2, name).new_judges for name in names]
    assert 330 <= sum(by_new) <= 470


def test_a_station_without_a_model_asks_nobody():
    assert plan_of(build.station(recipe=None), "p1") is None


def test_the_record_tells_whose_decision_it_is():
    plan = planned(TrialRole.CANARY, 1.0)
    by_new = told_of(plan, plan.judge, None, None)
    stepped_in = told_of(plan, plan.instead, "no answer within 5 s", None)
    assert (by_new.by_new, by_new.error) == (True, None)
    assert (stepped_in.by_new, stepped_in.error) == (False, "no answer within 5 s")
    shadow = planned(TrialRole.SHADOW)
    silent = told_of(shadow, shadow.judge, None, Opinion(error="gone"))
    assert (silent.decision, silent.error) == (None, "gone")


def news(version: str, minute: int) -> ModelDeployed:
    at = build.NOON + timedelta(minutes=minute)
    model = build.model_ref(version_id=version, digest=version[-1] * 64)
    return ModelDeployed(
        version_id=version, station_ids=("line",), model=model, thresholds=build.thresholds(), by="eve", at=at
    )


def set_model(version: str | None, minute: int, **changes) -> SetModel:
    at = build.NOON + timedelta(minutes=minute)
    if version is None:
        return SetModel(station_id="line", at=at, **changes)
    told = news(version, minute)
    entry = Deployment(version_id=version, digest=told.model.digest, by="eve", at=at)
    return SetModel(
        station_id="line",
        model=told.model,
        thresholds=told.thresholds,
        deployment=entry,
        at=at,
        **changes,
    )


def test_an_old_announcement_that_comes_late_changes_nothing():
    first = deployed(None, "line", news("m-1", 1))
    second = switched(first, set_model("m-2", 2))
    assert deployed(second, "line", news("m-1", 1)) is second
    assert deployed(second, "line", news("m-2", 2)) is second
    third = deployed(second, "line", news("m-3", 3))
    assert [each.version_id for each in third.history] == ["m-3", "m-2", "m-1"]
    assert revision(third) == revision(second) + 1


def test_the_same_version_again_is_no_new_entry():
    once = switched(deployed(None, "line", news("m-1", 1)), set_model("m-1", 2))
    assert len(once.history) == 1
    assert revision(once) == 1


def test_a_station_changes_only_from_what_is_expected():
    known = deployed(None, "line", news("m-1", 1))
    trial = place(TrialRole.SHADOW).trial
    tried = switched(known, set_model(None, 2, trial=trial, expects_version="m-1", expects_trial=""))
    assert (tried.trial, tried.recipe) == (trial, known.recipe)
    with pytest.raises(Conflict, match="tries another version already"):
        switched(tried, set_model(None, 3, trial=trial, expects_trial=""))
    with pytest.raises(Conflict, match="judges by m-1 now"):
        switched(tried, set_model("m-3", 3, expects_version="m-2"))
    assert switched(tried, set_model(None, 3, expects_trial="r-1")).trial is None
    with pytest.raises(NotFound):
        switched(None, set_model("m-1", 1))


def finder(version: str, limit: float | None) -> ModelRef:
    file = ModelFile(key="detector.onnx", sha256="0" * 64, size=1)
    detector = DetectorModel(file=file, classes=("pit",), fails_above=limit)
    return build.model_ref(version_id=version, detector=detector)


@pytest.mark.parametrize("role", [TrialRole.SHADOW, TrialRole.CANARY, TrialRole.WATCH])
def test_where_the_detector_decides_no_version_judges_parts_without_a_limit_of_its_own(role):
    recipe = build.recipe(model=finder("m-1", 0.5), detector=DetectorUse.DECIDES)
    known = build.station(recipe=recipe)
    limits = build.thresholds()
    trial = Trial(rollout_id="r-1", role=role, model=finder("m-2", None), thresholds=limits)
    wanted = set_model(None, 2, trial=trial)
    if role is TrialRole.CANARY:
        with pytest.raises(Invalid, match="m-2 has no limit"):
            switched(known, wanted)
    else:
        plan = plan_of(switched(known, wanted), "p1")
        assert plan is not None
        assert plan.judge.decider is not None
        [other] = [each for each in (plan.instead, plan.silent) if each is not None]
        assert other.decider is None


def test_every_change_is_later_than_the_one_before():
    known = deployed(None, "line", news("m-1", 10))
    earlier = switched(known, set_model("m-2", 5))
    assert earlier.updated_at > known.updated_at


@pytest.mark.parametrize(
    ("score", "number"),
    [(0.0, 0), (-1.0, 0), (0.6, AT_LIMIT), (1.2, AT_LIMIT + 8), (0.3, AT_LIMIT - 8), (1e9, 65), (1e-9, 1)],
)
def test_scores_lie_in_eighths_of_an_octave_around_the_limit(score, number):
    assert score_bin(score, 0.6) == number


def test_ranks_mean_the_same_for_every_decision():
    assert rank_bin(Decision.PASS, 0.95) == 9
    assert rank_bin(Decision.UNCERTAIN, 0.05) == 0
    assert rank_bin(Decision.FAIL, 0.99) == 0
    assert rank_bin(Decision.PASS, 1.0) == 9


def counted(part) -> dict:
    """Amounts as the database nests them."""
    nested: dict = {}
    for path, amount in judged(part).items():
        *parents, last = path.split(".")
        level = nested
        for name in parents:
            level = level.setdefault(name, {})
        level[last] = amount
    return nested


TRIED = Trialled(rollout_id="r-1", role=TrialRole.CANARY, version_id="model-2", by_new=False)


@pytest.mark.parametrize(
    ("changes", "new", "old"),
    [
        ({"by_new": True}, (1, 0, 0), (0, 0, 0)),
        ({}, (0, 0, 0), (1, 0, 0)),
        ({"error": "gone"}, (0, 1, 0), (1, 0, 0)),
        ({"decision": Decision.FAIL, "confidence": 0.9, "inference_ms": 4.0}, (1, 0, 1), (1, 0, 0)),
        ({"decision": Decision.PASS, "confidence": 0.9, "inference_ms": 4.0}, (1, 0, 0), (1, 0, 0)),
    ],
)
def test_a_trial_counts_both_versions(changes, new, old):
    part = build.inspection(trial=TRIED.model_copy(update=changes), brightness=120.0)
    found = counted(part)["trials"]["r-1"]
    for side, (parts, errors, disagreed) in (("new", new), ("old", old)):
        told = tally(found.get(side, {}))
        assert (told.parts, told.errors, told.disagreed) == (parts, errors, disagreed)


def test_a_version_is_counted_under_a_safe_name():
    found = counted(build.inspection(model_version="v1.2$", brightness=255.0))
    told = tally(found["versions"]["v1%2E2%24"])
    assert (told.parts, told.passed, told.brightness, told.ranks) == (1, 1, {31: 1}, {9: 1})
    assert by_trial(build.inspection()) == {}
    both = total([told, told])
    assert (both.parts, both.brightness, both.time_us) == (2, {31: 2}, 10000)
