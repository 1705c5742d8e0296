"""Models on the line, over HTTP."""

import pytest

from andon.contracts import Conflict, Invalid, NotFound, inspection, rollout, station, training
from andon.contracts.inspection import Decision, JudgedBy, JudgedPart
from andon.contracts.rollout import RolledBack, RolledBackStations, Rollout, Rollouts, RolloutState
from andon.contracts.station import Deployment, DeploymentKind, Trial, TrialRole
from andon.testing import build

API = "/api/v1"


def deployed(question: training.DeployModel, _) -> training.ModelDeployed:
    return training.ModelDeployed(
        version_id=question.version_id,
        station_ids=question.station_ids,
        model=build.model_ref(),
        thresholds=build.thresholds(),
        by=question.by,
        at=build.NOON,
    )


def one(**changes) -> Rollout:
    values = {
        "id": "rollout-1",
        "station_id": "line-1",
        "role": TrialRole.CANARY,
        "version_id": "model-2",
        "against": "model-1",
        "state": RolloutState.RUNNING,
        "by": "eve",
        "started_at": build.NOON,
    }
    return Rollout(**{**values, **changes})


@pytest.fixture
def known(line):
    line.answers[training.LIST] = training.Models(
        models=(build.model_version(deployed_to=("line-1",), metrics={"map50": 0.9}, job_id="fit-1"),)
    )
    return line


async def test_a_version_is_shown_whole(client, known):
    [shown] = (await client.get(f"{API}/models")).json()["models"]
    assert shown == (await client.get(f"{API}/models/model-1")).json()
    named = {name: shown[name] for name in ("id", "map_score", "training_job_id", "is_active", "val_loss")}
    assert named == {
        "id": "model-1",
        "map_score": 0.9,
        "training_job_id": "fit-1",
        "is_active": True,
        "val_loss": None,
    }
    assert "calibration" not in shown["thresholds"]
    assert (await client.get(f"{API}/models/nothing")).status_code == 404


async def test_a_version_goes_home_to_named_stations_or_everywhere(client, known):
    known.answers[training.DEPLOY] = deployed
    for body in (None, {"station_ids": ["a", "b"], "force": True, "watch_minutes": 5}, {"everywhere": True}):
        answer = await client.post(f"{API}/models/model-1/deploy", json=body)
        assert answer.status_code == 200, answer.text
    home, named, every = known.questions(training.DEPLOY)
    assert (home.station_ids, home.everywhere, home.by) == (("default",), False, "eve")
    assert (named.station_ids, named.force, named.watch_minutes) == (("a", "b"), True, 5)
    assert (every.station_ids, every.everywhere) == ((), True)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid("model 'x' is refused: the model answers its probe image with 3 instead of 4"), 422),
        (NotFound("there is no station nowhere"), 404),
        (Conflict("no"), 409),
    ],
)
async def test_why_it_is_refused_is_told(client, known, error, status):
    known.answers[training.DEPLOY] = error
    answer = await client.post(f"{API}/models/model-1/deploy", json={"station_ids": ["a"]})
    assert (answer.status_code, answer.json()["detail"]) == (status, str(error))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("models/model-1/deploy", {"station_ids": ["no space"]}),
        ("models/model-1/deploy", {"stations": ["a"]}),
        ("models/model-1/deploy", {"watch_minutes": -1}),
        ("models/model-1/canary", {"share": 0}),
        ("models/model-1/canary", {"share": 1.1}),
        ("models/model-1/canary", {"bounds": {"min_parts": 1}}),
        ("rollouts/rollout-1/promote", {"reason": "x" * 501}),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(client, path, body):
    assert (await client.post(f"{API}/{path}", json=body)).status_code == 400


async def test_a_rollback_tells_where_each_station_went(client, known):
    news = RolledBack(
        station_id="line-1",
        from_version="model-1",
        to_version="model-0",
        automatic=False,
        reason="bad",
        by="eve",
        at=build.NOON,
    )
    known.answers[rollout.ROLL_BACK] = RolledBackStations(rolled_back=(news,))
    answer = await client.post(f"{API}/models/model-1/rollback", json={"reason": "bad"})
    assert answer.json()["rolled_back"][0]["to_version"] == "model-0"
    [asked] = known.questions(rollout.ROLL_BACK)
    assert (asked.version_id, asked.station_ids, asked.by, asked.reason) == ("model-1", (), "eve", "bad")


async def test_trials_begin_and_end(client, known):
    known.answers[rollout.START] = Rollouts(rollouts=(one(),))
    known.answers[rollout.PROMOTE] = one(state=RolloutState.PROMOTED)
    known.answers[rollout.ABORT] = one(state=RolloutState.ABORTED)
    known.answers[rollout.LIST] = Rollouts(rollouts=(one(),))
    known.answers[rollout.GET] = one()
    assert (await client.post(f"{API}/models/model-2/shadow")).status_code == 201
    body = {"share": 0.25, "station_ids": ["line-1"], "bounds": {"min_parts": 10}}
    assert (await client.post(f"{API}/models/model-2/canary", json=body)).status_code == 201
    shadow, canary = known.questions(rollout.START)
    assert (shadow.role, shadow.station_ids) == (TrialRole.SHADOW, ())
    assert (canary.role, canary.share, canary.bounds.min_parts) == (TrialRole.CANARY, 0.25, 10)
    listed = await client.get(f"{API}/rollouts?running=true&station_id=line-1")
    assert listed.json()["rollouts"][0]["id"] == "rollout-1"
    assert (await client.get(f"{API}/rollouts/rollout-1")).json()["state"] == "running"
    assert (await client.post(f"{API}/rollouts/rollout-1/promote")).json()["state"] == "promoted"
    assert (await client.post(f"{API}/rollouts/rollout-1/abort")).json()["state"] == "aborted"


async def test_what_judges_and_what_judged_is_told(client, known):
    entry = Deployment(
        version_id="model-1", digest="0", kind=DeploymentKind.ROLLBACK, by="eve", at=build.NOON
    )
    trial = Trial(
        rollout_id="rollout-1",
        role=TrialRole.SHADOW,
        model=build.model_ref(version_id="model-2"),
        thresholds=build.thresholds(),
    )
    there = build.station(id="line-1", history=(entry,), trial=trial)
    known.answers[station.LIST] = station.Stations(stations=(there,))
    known.answers[station.GET] = there
    [active] = (await client.get(f"{API}/models/active")).json()["active"]
    assert (active["version_id"], active["trial"]["version_id"]) == ("model-1", "model-2")
    history = (await client.get(f"{API}/models/history?station_id=line-1")).json()
    assert [each["kind"] for each in history["versions"]] == ["rollback"]
    shown = (await client.get(f"{API}/stations/line-1")).json()
    assert "calibration" not in shown["trial"]["thresholds"]


async def test_drift_and_lineage_are_answered(client, known):
    known.answers[rollout.DRIFT] = rollout.Drift(false_alarm_rate=0.001, threshold=0.2, hours=())
    known.answers[rollout.LINEAGE] = rollout.Lineage(missing="model-0")
    part = JudgedPart(
        id="a",
        station_id="line-1",
        part_id=None,
        decision=Decision.PASS,
        anomaly_score=0.1,
        judged_at=build.NOON,
    )
    known.answers[inspection.JUDGED_BY] = JudgedBy(version_id="model-1", parts=(part,), next="5:a")
    assert (await client.get(f"{API}/drift?hours=48")).json()["false_alarm_rate"] == 0.001
    assert (await client.get(f"{API}/lineage/inspections/a")).json()["missing"] == "model-0"
    assert (await client.get(f"{API}/lineage/models/model-1")).status_code == 200
    page = (await client.get(f"{API}/lineage/models/model-1/inspections?after=5:b&limit=1")).json()
    assert (page["parts"][0]["id"], page["next"]) == ("a", "5:a")
    assert (await client.get(f"{API}/lineage/models/model-1/inspections?after=x")).status_code == 400
    assert [each.inspection_id for each in known.questions(rollout.LINEAGE)] == ["a", None]


async def test_who_may_only_look_changes_nothing(client, line):
    client.headers["Authorization"] = f"Bearer {line.token('operator')}"
    paths = [f"models/m/{verb}" for verb in ("deploy", "rollback", "activate", "shadow", "canary")]
    for path in (*paths, "rollouts/r/promote", "rollouts/r/abort"):
        assert (await client.post(f"{API}/{path}")).status_code == 403, path
    assert (await client.delete(f"{API}/models/m")).status_code == 403
