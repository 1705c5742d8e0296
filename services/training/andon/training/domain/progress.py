"""How a run's record follows what its program and the queue say."""

from collections.abc import Mapping
from typing import Any

from andon.contracts.learning import Run, RunState
from andon.contracts.queue import ENDED, Job, JobStatus

LINES = 20
POINTS = 500
TRAINER = "training"
"""The label of agents beside which the trainer is installed."""


def learned_of(run: Run, fraction: float, metrics: Mapping[str, float], message: str) -> dict[str, Any]:
    """What changes in a run's record; nothing where there is no news."""
    changes: dict[str, Any] = {}
    if fraction > run.fraction:
        changes["fraction"] = min(fraction, 1.0)
    if message and message != run.message:
        changes["message"] = message
        changes["logs"] = (*run.logs, message)[-LINES:]
    if metrics:
        changes["metrics"] = {**run.metrics, **metrics}
        changes["curves"] = {
            **run.curves,
            **{name: (*run.curves.get(name, ()), value)[-POINTS:] for name, value in metrics.items()},
        }
    if changes and run.state is RunState.QUEUED:
        changes["state"] = RunState.RUNNING
    return changes


def ended_as(status: JobStatus) -> RunState | None:
    """How a run ends whose job ended so; None where it has not, or where its outputs are to be fetched."""
    if status not in ENDED or status is JobStatus.SUCCEEDED:
        return None
    if status in (JobStatus.STOPPED, JobStatus.CANCELLED):
        return RunState.STOPPED
    return RunState.FAILED


def line_of(job: Job) -> str:
    """Where a job stands, for people."""
    if job.status in ENDED:
        return job.error or job.status_message or f"the job ended as {job.status.value}"
    if job.status is JobStatus.QUEUED:
        needs = [label for label in job.requirements.labels if label != TRAINER]
        return f"waits for an agent with {' and '.join(needs)}" if needs else "waits for an agent"
    where = f" on {job.device}" if job.device else ""
    return f"{job.status.value}{where}"
