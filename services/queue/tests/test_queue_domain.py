"""The decisions of the queue, as tables."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from andon.contracts import Conflict, Invalid, NotFound
from andon.contracts.queue import (
    ENDED,
    AttemptOutcome,
    Device,
    DeviceFacts,
    DeviceStatus,
    Gpu,
    JobChanged,
    JobStatus,
    MoveJob,
    NewJob,
    Queue,
    QueueSettings,
    Report,
    Requirements,
    Schedule,
    Stage,
)
from andon.queue.domain.attempts import leased, lost
from andon.queue.domain.caps import Caps
from andon.queue.domain.cron import next_due
from andon.queue.domain.devices import Holding, room_of, status_at
from andon.queue.domain.ids import first_id, made_at, named, new_id
from andon.queue.domain.moves import WAYS, moved
from andon.queue.domain.ranks import rank_of
from andon.queue.domain.ready import Kind, Ready, Waiting
from andon.queue.domain.record import Record, changed
from andon.queue.domain.reports import reported
from andon.queue.domain.retries import rest, retried
from andon.queue.domain.submission import submitted
from andon.queue.domain.tally import Tally

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SETTINGS = QueueSettings()
NOTHING = Requirements()


def waiting(**fields: Any) -> Record:
    return submitted(NewJob(**{"name": "job", **fields}), SETTINGS, NOW)


def on_device(status: JobStatus = JobStatus.LEASED, **fields: Any) -> Record:
    record = leased(waiting(**fields), SETTINGS, NOW, device="edge-1", session="s")
    return record if status is JobStatus.LEASED else changed(record, NOW, "test", status=status)


def report(record: Record, stage: Stage | None, **fields: Any) -> Record:
    lease = record.lease
    assert lease is not None
    said = Report(job_id=record.id, token=lease.token, stage=stage, **fields)
    return reported(record, said, SETTINGS, NOW)


S = JobStatus
FORWARD = {
    S.LEASED: {Stage.PREPARING, Stage.RUNNING, Stage.COLLECTING},
    S.PREPARING: {Stage.RUNNING, Stage.COLLECTING},
    S.RUNNING: {Stage.COLLECTING, Stage.PAUSED},
    S.PAUSED: {Stage.RUNNING, Stage.COLLECTING},
    S.COLLECTING: set[Stage](),
}


@pytest.mark.parametrize("status", FORWARD)
@pytest.mark.parametrize("stage", [Stage.PREPARING, Stage.RUNNING, Stage.COLLECTING])
def test_stages_may_be_left_out_and_never_go_back(status: JobStatus, stage: Stage):
    before = on_device(status)
    after = report(before, stage)
    assert after.status.value == (stage.value if stage in FORWARD[status] else status.value)
    assert after.version == before.version + (stage in FORWARD[status])


@pytest.mark.parametrize("status", FORWARD)
@pytest.mark.parametrize(
    ("stage", "end"),
    [
        (Stage.SUCCEEDED, S.SUCCEEDED),
        (Stage.FAILED, S.FAILED),
        (Stage.STOPPED, S.STOPPED),
        (Stage.RELEASED, S.QUEUED),
    ],
)
def test_every_status_on_a_device_can_end(status: JobStatus, stage: Stage, end: JobStatus):
    after = report(on_device(status), stage)
    assert after.status is (S.PAUSED if status is S.PAUSED and end is S.QUEUED else end)
    assert after.lease is None
    assert after.holder is None
    assert after.attempt is None


def test_a_lost_job_is_recovered_by_any_word_of_its_lease_and_by_no_other():
    silent = lost(on_device(S.RUNNING), SETTINGS, NOW)
    assert report(silent, None).status is S.RUNNING
    assert report(silent, Stage.SUCCEEDED).status is S.SUCCEEDED
    with pytest.raises(Conflict):
        reported(silent, Report(job_id=silent.id, token="1.other", stage=None), SETTINGS, NOW)


@pytest.mark.parametrize("status", JobStatus)
@pytest.mark.parametrize("to", JobStatus)
def test_a_job_is_led_only_along_the_ways_there_are(status: JobStatus, to: JobStatus):
    record = waiting().model_copy(update={"status": status})
    if to is not status and status not in WAYS.get(to, ()):
        with pytest.raises(Conflict):
            moved(record, MoveJob(id=record.id, to=to), SETTINGS, NOW)
    elif to in WAYS:
        assert moved(record, MoveJob(id=record.id, to=to), SETTINGS, NOW).status is to


@pytest.mark.parametrize("to", [S.QUEUED, S.RUNNING])
def test_force_never_gives_a_job_a_second_runner(to: JobStatus):
    record = on_device(S.RUNNING if to is S.QUEUED else S.PREPARING)
    with pytest.raises(Conflict):
        moved(record, MoveJob(id=record.id, to=to, force=True), SETTINGS, NOW)


def test_a_reset_forgets_results_and_keeps_what_was_tried():
    done = report(on_device(S.RUNNING), Stage.SUCCEEDED, message="0.93")
    draft = moved(done, MoveJob(id=done.id, to=S.DRAFT), SETTINGS, NOW)
    assert (draft.output, draft.ended_at, draft.exit_code, len(draft.attempts)) == ("", None, None, 1)
    again = moved(draft, MoveJob(id=done.id, to=S.QUEUED), SETTINGS, NOW)
    assert leased(again, SETTINGS, NOW, device="d", session="").attempt_no == 2


@pytest.mark.parametrize(
    ("outcome", "used", "more"),
    [
        (AttemptOutcome.FAILED, {"retry_count": 2}, False),
        (AttemptOutcome.FAILED, {"retry_count": 1}, True),
        (AttemptOutcome.FAILED, {"infrastructure_retry_count": 9}, True),
        (AttemptOutcome.LOST, {"infrastructure_retry_count": 3}, False),
        (AttemptOutcome.LOST, {"retry_count": 9}, True),
        (AttemptOutcome.INFRASTRUCTURE, {"infrastructure_retry_count": 2}, True),
        (AttemptOutcome.UNCONFIRMED, {"infrastructure_retry_count": 3}, False),
        (AttemptOutcome.RELEASED, {"infrastructure_retry_count": 3, "retry_count": 2}, True),
        (AttemptOutcome.STOPPED, {}, False),
    ],
)
def test_each_kind_of_failure_has_its_own_budget(outcome: AttemptOutcome, used: dict[str, int], more: bool):
    record = waiting(max_retries=2, max_infrastructure_retries=3).model_copy(update=used)
    assert (retried(record, outcome) is not None) is more


def test_rests_double_and_have_an_end():
    rests = [
        rest(
            waiting().model_copy(update={"retry_count": count}), AttemptOutcome.FAILED, SETTINGS
        ).total_seconds()
        for count in (0, 1, 2, 50)
    ]
    assert rests == [5, 10, 20, 600]


def test_urgent_goes_first_and_nobody_starves():
    hour = timedelta(hours=1)
    settings = QueueSettings(ageing_seconds=600)
    low, urgent = rank_of(NOW, 20, settings), rank_of(NOW + hour, 100, settings)
    assert urgent < low
    assert rank_of(NOW + timedelta(seconds=80 * 600 + 1), 100, settings) > low
    strict = QueueSettings(ageing_seconds=0)
    assert rank_of(NOW + timedelta(days=3650), 21, strict) < rank_of(NOW, 20, strict)
    fifo = QueueSettings(priority_scheduling=False)
    assert rank_of(NOW, 0, fifo) < rank_of(NOW + timedelta(microseconds=1), 100, fifo)
    assert max(rank_of(NOW, p, s) for p in (0, 100) for s in (settings, strict, fifo)) < 2**63


KIND = Kind("default", "anna", "p", "command", NOTHING)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 30)), max_size=40), st.randoms())
def test_the_order_in_memory_is_the_order_of_ranks(jobs: list[tuple[int, int]], order: random.Random):
    ready = Ready()
    every = [
        Waiting(f"{i}", 1, rank, 50, KIND._replace(user=f"u{user}")) for i, (user, rank) in enumerate(jobs)
    ]
    order.shuffle(every)
    for each in every:
        ready.add(each)
    gone = every[: len(every) // 3]
    for each in gone:
        ready.heard(each.id, 2, S.CANCELLED)
        ready.add(each)  # old news
    taken = list(iter(lambda: ready.take(lambda kind: kind.user != "u0"), None))
    left = [each for each in every[len(gone) :] if each.kind.user != "u0"]
    assert [each.id for each in taken] == [each.id for each in sorted(left, key=lambda w: (w.rank, w.id))]


def test_what_rests_is_not_handed_out_before_its_time():
    ready = Ready()
    ready.add(Waiting("a", 1, 0, 50, KIND, NOW + timedelta(seconds=5)))
    assert ready.take(lambda _: True) is None
    assert [each.id for each in ready.rested(NOW + timedelta(seconds=5))] == ["a"]
    taken = ready.take(lambda _: True)
    assert taken is not None
    assert taken.id == "a"


def device(**fields: Any) -> Device:
    facts = DeviceFacts(
        cpu_cores=8,
        memory_total=16 * 10**9,
        disk_free=100 * 10**9,
        gpus=(Gpu(id=0, vram_total=24 * 10**9), Gpu(id=1, vram_total=8 * 10**9)),
    )
    base = {"id": "edge-1", "facts": facts, "slots": 3, "labels": ("hall-1",), "status": DeviceStatus.HEALTHY}
    return Device(**{**base, "first_seen": NOW, "last_heartbeat": NOW, **fields})


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ({}, True),
        ({"cpu": 4}, True),
        ({"cpu": 4.5}, False),
        ({"memory_gb": 12}, True),
        ({"memory_gb": 13}, False),
        ({"disk_gb": 100.5}, False),
        ({"gpu": 1}, True),
        ({"gpu": 2}, False),
        ({"gpu_memory_gb": 8}, True),
        ({"gpu_memory_gb": 10}, False),
        ({"device": "edge-1", "labels": ("hall-1",)}, True),
        ({"device": "edge-2"}, False),
        ({"labels": ("hall-2",)}, False),
    ],
)
def test_a_job_fits_what_a_device_has_less_what_its_jobs_hold(asked: dict[str, Any], fits: bool):
    held = Holding("x", "u", "p", "q", Requirements(cpu=4, memory_gb=4, gpu_memory_gb=10), gpus=(0,))
    assert room_of(device(), [held], SETTINGS).fits(Requirements(**asked)) is fits


def test_the_smallest_gpus_that_do_are_chosen():
    room = room_of(device(), [], SETTINGS)
    assert room.chosen(Requirements(gpu=1)) == (1,)
    assert room.chosen(Requirements(gpu=1, gpu_memory_gb=10)) == (0,)
    assert room.chosen(Requirements(gpu=2)) == (1, 0)


def test_slots_end_by_device_and_by_setting():
    held = [Holding(str(i), "u", "p", "q", NOTHING) for i in range(2)]
    assert room_of(device(), held, SETTINGS).fits(NOTHING)
    assert not room_of(device(), held, QueueSettings(max_per_device=2)).fits(NOTHING)
    assert not room_of(device(slots=2), held, SETTINGS).fits(NOTHING)


@pytest.mark.parametrize(
    ("seconds", "status"),
    [(0, "healthy"), (30, "healthy"), (30.1, "stale"), (60, "stale"), (60.1, "disconnected")],
)
def test_a_device_is_what_its_last_heartbeat_says(seconds: float, status: str):
    assert status_at(NOW, NOW + timedelta(seconds=seconds)).value == status


@pytest.mark.parametrize(
    ("settings", "allowed"),
    [
        ({}, True),
        ({"max_concurrent": 2}, False),
        ({"max_concurrent": 3}, True),
        ({"max_per_user": 2}, False),
        ({"max_per_user": 2, "users": {"anna": 5}}, True),
        ({"max_per_project": 1, "projects": {"other": 9}}, False),
        ({"projects": {"p": 0}}, False),
    ],
)
def test_caps_bind_users_projects_and_everything(settings: dict[str, Any], allowed: bool):
    caps = Caps(QueueSettings(**settings), {})
    caps.count([Holding(str(i), "anna", "p", "default", NOTHING) for i in range(2)])
    assert caps.allow(KIND) is allowed


def test_a_queue_may_have_a_cap_of_its_own():
    caps = Caps(SETTINGS, {"default": Queue(name="default", max_concurrent=1)})
    assert caps.bind
    assert caps.allow(KIND)
    caps.take("default", "anna", "p")
    assert not caps.allow(KIND)
    assert caps.allow(KIND._replace(queue="night"))


@pytest.mark.parametrize(
    ("cron", "after", "due"),
    [
        ("30 2 * * 1-5", "2026-11-21T08:00", "2026-11-23T02:30"),
        ("*/15 * * * *", "2026-11-21T08:00", "2026-11-21T08:15"),
        ("0 0 1 1 *", "2026-11-21T08:00", "2027-01-01T00:00"),
        ("0 12 29 2 *", "2026-11-21T08:00", "2028-02-29T12:00"),
        ("0 6 13 * 5", "2026-11-21T08:00", "2026-11-27T06:00"),
        ("5,10 8-9 * * 7", "2026-11-21T08:07", "2026-11-22T08:05"),
    ],
)
def test_cron_is_due_when_cron_is_due(cron: str, after: str, due: str):
    schedule = Schedule(name="s", job=NewJob(name="j"), cron=cron)
    found = next_due(schedule, datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "cron", ["", "* * * *", "61 * * * *", "a * * * *", "*/0 * * * *", "0 0 31 2 *", "5-1 * * * *"]
)
def test_cron_that_is_none_is_refused(cron: str):
    with pytest.raises(Invalid):
        next_due(Schedule(name="s", job=NewJob(name="j"), cron=cron), NOW)


def test_an_interval_does_not_catch_up():
    schedule = Schedule(name="s", job=NewJob(name="j"), every_seconds=60, next_at=NOW)
    assert next_due(schedule, NOW + timedelta(seconds=150)) == NOW + timedelta(seconds=180)


def test_ids_sort_by_time_even_within_a_moment():
    made = [new_id(NOW) for _ in range(5000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(each[14] == "7" for each in made[:10])
    assert abs(made_at(made[0]) - NOW) < timedelta(seconds=2)
    assert first_id(NOW) <= made[0]
    assert made_at(new_id(NOW - timedelta(hours=1))) < NOW  # the clock was set back


@pytest.mark.parametrize("name", ["", "x", "20261121_zzzz", "1234", "0199f3a27c107a419b523d1f60a4c7e"])
def test_a_name_that_is_no_job_s_is_not_found(name: str):
    with pytest.raises(NotFound):
        named(name)


def event(status: JobStatus, version: int, previous: JobStatus | None, **fields: Any) -> JobChanged:
    record = waiting()
    told = record.outbox[0].changed
    assert told is not None
    return told.model_copy(
        update={"id": "j", "status": status, "version": version, "previous": previous, **fields}
    )


def test_events_add_up_to_counts_in_any_order_and_once():
    tally = Tally()
    tally.count(event(S.QUEUED, 1, None), 1)
    tally.count(event(S.LEASED, 2, S.QUEUED, waited_seconds=6), 2)
    tally.count(event(S.LEASED, 2, S.QUEUED, waited_seconds=6), 3)
    tally.count(event(S.SUCCEEDED, 3, S.LEASED, ran_seconds=60), 4)
    tally.count(event(S.SUCCEEDED, 3, S.LEASED, ran_seconds=60), 4)
    assert tally.by_status() == {S.SUCCEEDED: 1}
    hour = tally.today(NOW)
    assert (hour.completed, hour.waits, hour.waited, hour.ran) == (1, 1, 6, 60)


def test_every_status_belongs_to_exactly_one_group():
    groups = [ENDED, {S.DRAFT, S.QUEUED, S.PAUSED}, {S.LEASED, S.PREPARING, S.RUNNING, S.COLLECTING, S.LOST}]
    assert sorted(each for group in groups for each in group) == sorted(JobStatus)
