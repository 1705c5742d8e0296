"""/api/v1/training: start, status, stop, jobs and the evidence of versions."""

import json
from pathlib import Path

import pytest

from andon.contracts import BadRequest, NotFound, Unavailable, learning, training
from andon.contracts.learning import Evaluation, Place, Run, RunKind, RunState
from andon.storage import Blobs
from andon.testing import build

URL = "/api/v1/training"
EXAMPLES = Path(__file__).parents[3] / "contracts" / "examples"
RUN = Run.model_validate_json((EXAMPLES / "learning.run.get.v1.reply.json").read_bytes())
EVALUATION = Evaluation.model_validate_json((EXAMPLES / "learning.evaluation.get.v1.reply.json").read_bytes())
RUNNING = RUN.model_copy(update={"id": "run-000000000001", "state": RunState.RUNNING, "version_id": None})


@pytest.fixture(autouse=True)
def answering(line):
    line.answers |= {
        learning.START: RUNNING,
        learning.GET: RUN,
        learning.LIST: learning.Runs(runs=(RUNNING, RUN)),
        learning.STOP: RUNNING.model_copy(update={"state": RunState.STOPPED}),
        learning.EVALUATION: EVALUATION,
    }


async def test_training_starts_with_the_known_defaults_and_under_the_users_name(client, line):
    answer = await client.post(f"{URL}/start", json={})

    assert answer.status_code == 202
    assert answer.json()["status"] == "running"
    [wish] = line.questions(learning.START)
    parameters = wish.parameters
    assert (parameters.epochs, parameters.batch_size, parameters.learning_rate) == (10, 2, 1e-4)
    assert (wish.kind, wish.station_id, wish.place) == (RunKind.ANOMALY, "default", Place.AUTO)
    assert wish.requested_by == "eve"


async def test_a_station_with_a_model_learns_classes_by_default(client, line):
    line.answers[training.LIST] = training.Models(models=(build.model_version(station_id="default"),))
    body = {"epochs": 3, "batch_size": 8, "learning_rate": 0.01, "model_name": "night", "seed": 7}

    await client.post(f"{URL}/jobs", json=body)

    [wish] = line.questions(learning.START)
    assert (wish.kind, wish.name, wish.parameters.seed) == (RunKind.REGIONS, "night", 7)
    assert (wish.parameters.epochs, wish.parameters.batch_size) == (3, 8)


async def test_the_status_is_that_of_what_runs_now(client):
    status = (await client.get(f"{URL}/status")).json()

    assert status["is_training"] is True
    assert status["current"]["id"] == RUNNING.id
    assert status["current"]["best_map"] is None


async def test_without_runs_nothing_is_being_learned(client, line):
    line.answers[learning.LIST] = learning.Runs(runs=())

    assert (await client.get(f"{URL}/status")).json() == {"is_training": False, "current": None}
    assert (await client.post(f"{URL}/stop")).status_code == 409


async def test_stop_ends_what_runs(client, line):
    answer = await client.post(f"{URL}/stop")

    assert answer.json()["status"] == "stopped"
    assert [query.id for query in line.questions(learning.STOP)] == [RUNNING.id]


async def test_jobs_are_listed_read_and_cancelled(client, line):
    listed = (await client.get(f"{URL}/jobs", params={"status": "running", "limit": 5})).json()
    one = (await client.get(f"{URL}/jobs/{RUN.id}")).json()
    await client.post(f"{URL}/jobs/{RUN.id}/cancel")

    assert [job["id"] for job in listed["jobs"]] == [RUNNING.id, RUN.id]
    [question] = line.questions(learning.LIST)
    assert (question.state, question.limit) == (RunState.RUNNING, 5)
    assert one["progress"] == 1.0
    assert one["completed_at"] is not None
    assert one["repeat"]["seed"] == 0
    assert [query.id for query in line.questions(learning.STOP)] == [RUN.id]


async def test_a_jobs_version_is_deployed_to_its_own_station(client, line):
    line.answers[training.DEPLOY] = lambda query, _: training.ModelDeployed(
        version_id=query.version_id, station_ids=query.station_ids, model=build.model_ref(),
        thresholds=build.thresholds(), by=query.by, at=build.NOON,
    )  # fmt: skip

    answer = await client.post(f"{URL}/jobs/{RUN.id}/deploy")

    assert answer.json()["version_id"] == RUN.version_id
    assert answer.json()["station_ids"] == [RUN.station_id]


async def test_a_job_without_a_version_cannot_be_deployed(client, line):
    line.answers[learning.GET] = RUNNING

    assert (await client.post(f"{URL}/jobs/{RUNNING.id}/deploy")).status_code == 409


async def test_evidence_comes_as_json_and_as_a_page_that_may_run_nothing(client, blob_settings):
    async with Blobs(blob_settings) as blobs:
        await blobs.put(EVALUATION.report_key, b"<!doctype html><p>measured</p>")

    found = (await client.get(f"{URL}/evaluations/{EVALUATION.version_id}")).json()
    page = await client.get(f"{URL}/evaluations/{EVALUATION.version_id}/report")

    assert found == json.loads(EVALUATION.model_dump_json())
    assert page.text == "<!doctype html><p>measured</p>"
    assert "default-src 'none'" in page.headers["content-security-policy"]


TURNED = {"key": "a", "verdict": "defect", "shapes": [{"class_name": "x", "bbox": [9, 9, 1, 1]}]}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"epochs": 0}, "epochs"),
        ({"learning_rate": -1}, "learning_rate"),
        ({"batch_size": "many"}, "batch_size"),
        ({"seed": -1}, "seed"),
        ({"kind": "magic"}, "kind"),
        ({"images": [TURNED]}, "images"),
        ({"images": [{"key": "a"}]}, "images"),
    ],
)  # fmt: skip
async def test_what_is_wrong_with_an_order_names_its_field(client, body, field):
    answer = await client.post(f"{URL}/start", json=body)

    assert answer.status_code in (400, 422)
    assert field in answer.text


async def test_errors_of_the_trainer_reach_the_client(client, line):
    line.answers[learning.START] = BadRequest("images: too few", {"images": "too few classes"})
    assert (await client.post(f"{URL}/start", json={})).status_code == 400
    line.answers[learning.GET] = NotFound("there is no run x")
    assert (await client.get(f"{URL}/jobs/x")).status_code == 404
    line.answers[learning.LIST] = Unavailable("away")
    assert (await client.get(f"{URL}/status")).status_code == 503


async def test_operators_may_look_and_not_train(client, line):
    client.headers["Authorization"] = f"Bearer {line.token('operator')}"

    assert (await client.get(f"{URL}/status")).status_code == 200
    assert (await client.post(f"{URL}/start", json={})).status_code == 403
    assert (await client.post(f"{URL}/stop")).status_code == 403
