"""What is known of the machines that run jobs, and of jobs that failed."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from andon.alerting.domain.counting import minute_of
from andon.alerting.domain.scopes import Subject
from andon.alerting.domain.verdicts import GOOD, UNSURE, Finding, Verdict
from andon.contracts.alerting import DeviceLost, DiskLow, JobsFailed
from andon.contracts.queue import Device, DeviceStatus, JobChanged, JobStatus

_GB = 2**30
_KEPT_MINUTES = 1440


@dataclass(frozen=True)
class Machine:
    """A device as it was told of last."""

    status: DeviceStatus
    last_heartbeat: datetime
    disk_free: int
    """Bytes; 0 says nothing."""


@dataclass
class Machines:
    """Read from the queue's events, each once."""

    seq: int = 0
    devices: dict[str, Machine] = field(default_factory=dict[str, Machine])
    failures: dict[str, dict[int, int]] = field(default_factory=dict[str, dict[int, int]])
    """By queue: jobs that failed, by minute."""

    def device(self, device: Device) -> None:
        self.devices[device.id] = Machine(device.status, device.last_heartbeat, device.facts.disk_free)

    def deleted(self, device_id: str) -> None:
        self.devices.pop(device_id, None)

    def job(self, job: JobChanged) -> None:
        """Counts a job that failed, when it did."""
        minutes = self.failures.setdefault(job.queue, {})
        if job.status is JobStatus.FAILED and job.previous is not JobStatus.FAILED:
            minute = minute_of(job.at)
            minutes[minute] = minutes.get(minute, 0) + 1

    def age(self, now: datetime) -> None:
        """Forget failures that no window reaches any more."""
        oldest = minute_of(now) - _KEPT_MINUTES
        for queue, minutes in self.failures.items():
            self.failures[queue] = {each: count for each, count in minutes.items() if each > oldest}

    def lost(self, condition: DeviceLost) -> Iterator[tuple[Subject, Finding]]:
        late = (DeviceStatus.STALE,) if condition.stale_too else ()
        bad = (DeviceStatus.DISCONNECTED, *late)
        for name, device in self._chosen(condition.devices):
            if device.status in bad:
                when = device.last_heartbeat.isoformat(timespec="seconds")
                yield (
                    name,
                    Finding(Verdict.BAD, f"{name.name} is {device.status.value}: last heard at {when}"),
                )
            else:
                yield name, GOOD if device.status is DeviceStatus.HEALTHY else UNSURE

    def low(self, condition: DiskLow) -> Iterator[tuple[Subject, Finding]]:
        for name, device in self._chosen(condition.devices):
            free = device.disk_free / _GB
            if not device.disk_free or device.status is not DeviceStatus.HEALTHY:
                yield name, UNSURE
            elif free < condition.free_gb:
                least = f"{condition.free_gb:g} GB should be"
                yield name, Finding(Verdict.BAD, f"{free:.1f} GB are free on {name.name}, {least}")
            else:
                yield name, GOOD if free >= condition.free_gb + condition.clear_gb else UNSURE

    def failed(self, condition: JobsFailed, now: datetime) -> Iterator[tuple[Subject, Finding]]:
        minute = minute_of(now)
        for queue, minutes in self.failures.items():
            if condition.queues and queue not in condition.queues:
                continue
            count = sum(
                n for each, n in minutes.items() if minute - condition.window_minutes < each <= minute
            )
            window = f"in the last {condition.window_minutes} minutes"
            words = "1 job" if count == 1 else f"{count} jobs"
            bad = Finding(Verdict.BAD, f"{words} of queue {queue} failed {window}")
            yield Subject(queue), bad if count >= condition.count else GOOD

    def _chosen(self, names: tuple[str, ...]) -> Iterator[tuple[Subject, Machine]]:
        for name, device in self.devices.items():
            if not names or name in names:
                yield Subject(name), device
