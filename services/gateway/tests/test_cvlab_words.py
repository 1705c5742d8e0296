"""The helper's words for jobs, against the engine's."""

import pytest

from andon.contracts.queue import AttemptOutcome, JobStatus, Reason
from andon.gateway.cvlab.jobs.words import (
    FILTERS,
    HelperPriority,
    HelperStatus,
    history_status_of,
    named_priority,
    our_priority,
    outcome_of,
    priority_of,
    status_of,
)


def test_every_status_has_a_word_and_is_found_by_it():
    for status in JobStatus:
        if status is not JobStatus.CLOSED:
            assert status in FILTERS[status_of(status, failed=False)]
    assert status_of(JobStatus.CLOSED, failed=False) is HelperStatus.COMPLETED
    assert status_of(JobStatus.CLOSED, failed=True) is HelperStatus.CANCELLED
    assert {outcome_of(each) for each in (None, *AttemptOutcome)} <= set(HelperStatus)


@pytest.mark.parametrize("reason", [Reason.WORKER_LOST, Reason.WORKER_RESTARTED])
def test_what_a_worker_lost_has_crashed_in_histories_alone(reason: Reason):
    assert history_status_of(JobStatus.FAILED, reason, failed=True) is HelperStatus.CRASHED
    assert history_status_of(JobStatus.QUEUED, reason, failed=True) is HelperStatus.QUEUED
    assert status_of(JobStatus.FAILED, failed=True) is HelperStatus.FAILED


def test_priorities_go_there_and_back():
    for priority in HelperPriority:
        assert priority_of(our_priority(priority)) is priority
    bounds = {0: "low", 30: "low", 31: "normal", 60: "normal", 61: "high", 90: "high", 91: "urgent"}
    assert {ours: priority_of(ours).value for ours in bounds} == bounds
    assert named_priority(" HIGH ") is HelperPriority.HIGH
    assert named_priority("soon") is HelperPriority.NORMAL
