"""All jobs over HTTP, whichever surface they came by; and sessions and the chain of the audit log."""

import pytest

from andon.contracts import SERVICES, Unavailable, audit, auth, queue, sync
from andon.testing import build

ID = "0198c5a0-0000-7000-8000-000000000001"
JOB = queue.Job(
    id=ID, aliases=queue.Aliases(clearml=ID.replace("-", "")), version=3, name="train", project="p",
    kind="command", queue="gpu", user="eve", priority=50, status=queue.JobStatus.QUEUED,
    created_at=build.NOON, changed_at=build.NOON, updated_at=build.NOON,
)  # fmt: skip
HELPERS = queue.Attempt(number=1, device="w1", session="helper:w1", leased_at=build.NOON)
SESSION = auth.OpenSession(
    id="s-1", user_id="user-1", username="eve", address="10.0.0.7", created_at=build.NOON,
    refreshed_at=build.NOON, expires_at=build.NOON,
)  # fmt: skip


async def test_jobs_are_listed_by_their_filters(client, line):
    line.answers[queue.LIST] = queue.Jobs(jobs=(JOB,), total=1)
    params = {"status": ["queued", "running"], "queue": "gpu", "limit": 5}
    found = (await client.get("/api/v1/jobs", params=params)).json()
    assert [job["name"] for job in found["jobs"]] == ["train"]
    status = (queue.JobStatus.QUEUED, queue.JobStatus.RUNNING)
    assert line.questions(queue.LIST) == [queue.ListJobs(status=status, queue="gpu", limit=5)]


@pytest.mark.parametrize(
    "params", [{"status": "done"}, {"queue": "a b"}, {"after": "x"}, {"limit": 0}, {"limit": 201}]
)
async def test_filters_that_no_job_can_have_are_refused(client, line, params):
    answer = await client.get("/api/v1/jobs", params=params)
    assert answer.status_code in {400, 422}
    assert next(iter(params)) in answer.text


async def test_a_command_is_submitted_as_arguments_and_never_as_a_shell_line(client, line):
    line.answers[queue.SUBMIT] = JOB
    body = {"name": "train", "command": "python 'my train.py' ; rm -rf /", "priority": 80, "cpu": 2}
    assert (await client.post("/api/v1/jobs", json=body)).status_code == 201
    (wish,) = line.questions(queue.SUBMIT)
    assert wish.spec.command == ("python", "my train.py", ";", "rm", "-rf", "/")
    assert (wish.priority, wish.requirements.cpu, wish.user) == (80, 2, "eve")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"command": "python 'open"}, "command"),
        ({"command": "  "}, "command"),
        ({"priority": 101}, "priority"),
        ({"queue": "a b"}, "queue"),
        ({"shell": True}, "shell"),
    ],
)
async def test_what_can_not_run_is_refused_by_its_field(client, line, change, field):
    answer = await client.post("/api/v1/jobs", json={"name": "a", "command": "true"} | change)
    assert answer.status_code in {400, 422}
    assert field in answer.json()["detail"]
    assert line.questions(queue.SUBMIT) == []


async def test_a_job_in_a_helpers_hands_is_ended_at_once_and_an_agents_is_told(client, line):
    history = queue.JobHistory(job=JOB, attempts=(HELPERS,), entries=())
    line.answers[queue.HISTORY] = history
    line.answers[queue.CANCEL] = JOB
    await client.post(f"/api/v1/jobs/{ID}/cancel")
    line.answers[queue.HISTORY] = history.model_copy(update={"attempts": ()})
    await client.post(f"/api/v1/jobs/{ID}/cancel")
    assert [wish.force for wish in line.questions(queue.CANCEL)] == [True, False]
    ended = JOB.model_copy(update={"status": queue.JobStatus.FAILED})
    line.answers[queue.HISTORY] = queue.JobHistory(job=ended, attempts=(), entries=())
    assert (await client.post(f"/api/v1/jobs/{ID}/cancel")).status_code == 409


async def test_what_is_left_out_of_a_queue_stays_and_a_limit_can_be_taken_away(client, line):
    now = queue.Queue(name="gpu", description="big ones", held=True, max_concurrent=4)
    line.answers[queue.QUEUE_LIST] = queue.Queues(queues=(queue.QueueInfo(queue=now, waiting=1, active=0),))
    line.answers[queue.QUEUE_PUT] = now
    await client.put("/api/v1/queues/gpu", json={"max_concurrent": None})
    await client.put("/api/v1/queues/new", json={"held": True})
    first, second = (put.queue for put in line.questions(queue.QUEUE_PUT))
    assert first == now.model_copy(update={"max_concurrent": None})
    assert second == queue.Queue(name="new", held=True)
    assert (await client.put("/api/v1/queues/a b", json={})).status_code == 400


async def test_operators_see_jobs_and_lead_none(stranger, line):
    line.answers[queue.LIST] = queue.Jobs(jobs=(), total=0)
    headers = {"Authorization": f"Bearer {line.token('operator')}"}
    assert (await stranger.get("/api/v1/jobs", headers=headers)).status_code == 200
    for path in ("jobs", f"jobs/{ID}/cancel", f"jobs/{ID}/pause", f"jobs/{ID}/again"):
        refused = await stranger.post(f"/api/v1/{path}", headers=headers, json={})
        assert refused.status_code == 403, path


async def test_sessions_are_ones_own_and_everybodys_for_admins(stranger, client, line):
    line.answers[auth.OPEN_SESSIONS] = auth.OpenSessions(sessions=(SESSION,))
    headers = {"Authorization": f"Bearer {line.token('operator')}"}
    await client.get("/api/v1/sessions")
    assert (await stranger.get("/api/v1/sessions", headers=headers)).json()["sessions"][0]["id"] == "s-1"
    asked = [question.user_id for question in line.questions(auth.OPEN_SESSIONS)]
    assert asked == [None, "user-1"]
    assert (await stranger.delete("/api/v1/sessions/s-2", headers=headers)).status_code == 404
    assert line.questions(auth.LOGOUT) == []


async def test_the_chain_is_verified_for_admins_alone(stranger, client, line):
    line.answers[audit.VERIFY] = audit.Verified(sequence=7, hash="f" * 64)
    assert (await client.get("/api/v1/audit/verify")).json()["sequence"] == 7
    headers = {"Authorization": f"Bearer {line.token('engineer')}"}
    assert (await stranger.get("/api/v1/audit/verify", headers=headers)).status_code == 403


@pytest.mark.long
async def test_every_server_and_service_is_asked_how_it_is(client, line):
    line.answers[queue.SETTINGS_GET] = queue.QueueSettings()
    line.answers[sync.LIST] = Unavailable("the database is away")
    found = {part["name"]: part for part in (await client.get("/api/v1/health/parts")).json()["parts"]}
    assert {"bus", "database", "objects"} == {n for n, part in found.items() if part["kind"] == "server"}
    assert set(SERVICES) <= set(found)
    assert all(found[name]["well"] for name in ("bus", "database", "objects", "gateway", "auth", "queue"))
    assert (found["sync"]["well"], found["sync"]["why"]) == (False, "the database is away")
    assert not found["opcua-bridge"]["well"]  # nobody is there to answer
