"""Counts of jobs, kept by adding up the events about them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts.queue import JobChanged, JobDeleted, JobStatus

_HOURS = 25
_REMEMBERED = 50_000
"""Jobs whose last version is known, so that an event heard twice counts once."""

Cell = tuple[str, str, JobStatus]
"""Queue, project and status."""


@dataclass
class Hour:
    """What was counted within one hour."""

    completed: int = 0
    failed: int = 0
    waits: int = 0
    waited: float = 0
    """Seconds, of all waits together."""
    runs: int = 0
    ran: float = 0


@dataclass
class Tally:
    """Counts up to a place in the stream."""

    last_seq: int = 0
    cells: dict[Cell, int] = field(default_factory=dict[Cell, int])
    hours: dict[int, Hour] = field(default_factory=dict[int, Hour])
    """By whole hours since 1970."""
    _versions: dict[str, int] = field(default_factory=dict[str, int])

    def count(self, event: JobChanged | JobDeleted, seq: int) -> None:
        """Take in an event; one that was heard before changes nothing."""
        if seq <= self.last_seq:
            return
        self.last_seq = seq
        if self._heard(event.id, event.version):
            return
        if isinstance(event, JobDeleted):
            self._add(event.queue, event.project, event.status, -1)
            return
        if event.previous is not None:
            queue, project = event.previous_queue or event.queue, event.previous_project or event.project
            self._add(queue, project, event.previous, -1)
        self._add(event.queue, event.project, event.status, 1)
        self._time(event)

    def total(
        self,
        status: Iterable[JobStatus] = (),
        queue: str | None = None,
        project: str | None = None,
    ) -> int:
        wanted = set(status)
        return sum(
            count
            for (in_queue, in_project, is_status), count in self.cells.items()
            if (not wanted or is_status in wanted)
            and queue in (None, in_queue)
            and project in (None, in_project)
        )

    def by_status(self, queue: str | None = None, project: str | None = None) -> dict[JobStatus, int]:
        found: dict[JobStatus, int] = {}
        for (in_queue, in_project, status), count in self.cells.items():
            if count and queue in (None, in_queue) and project in (None, in_project):
                found[status] = found.get(status, 0) + count
        return found

    def by_queue(self, statuses: Iterable[JobStatus]) -> dict[str, int]:
        wanted = set(statuses)
        found: dict[str, int] = {}
        for (queue, _, status), count in self.cells.items():
            if count and status in wanted:
                found[queue] = found.get(queue, 0) + count
        return found

    def queues(self) -> set[str]:
        return {queue for (queue, _, _), count in self.cells.items() if count}

    def today(self, now: datetime) -> Hour:
        """Since midnight UTC."""
        return self._sum(_hour(now.replace(hour=0)), _hour(now))

    def last_day(self, now: datetime) -> Hour:
        """The last 24 hours, by the hour."""
        return self._sum(_hour(now) - 23, _hour(now))

    def _sum(self, first: int, last: int) -> Hour:
        found = Hour()
        for number in range(first, last + 1):
            if (hour := self.hours.get(number)) is not None:
                for name, value in vars(hour).items():
                    setattr(found, name, getattr(found, name) + value)
        return found

    def _add(self, queue: str, project: str, status: JobStatus, count: int) -> None:
        cell = (queue, project, status)
        after = self.cells.get(cell, 0) + count
        if after:
            self.cells[cell] = after
        else:
            self.cells.pop(cell, None)

    def _time(self, event: JobChanged) -> None:
        number = _hour(event.at)
        hour = self.hours.setdefault(number, Hour())
        if event.waited_seconds is not None:
            hour.waits += 1
            hour.waited += event.waited_seconds
        if event.ran_seconds is not None:
            hour.runs += 1
            hour.ran += event.ran_seconds
        if event.previous != event.status:
            hour.completed += event.status is JobStatus.SUCCEEDED
            hour.failed += event.status is JobStatus.FAILED
        for old in [each for each in self.hours if each <= number - _HOURS]:
            del self.hours[old]

    def _heard(self, job_id: str, version: int) -> bool:
        last = self._versions.pop(job_id, 0)
        self._versions[job_id] = max(last, version)
        if len(self._versions) > _REMEMBERED:
            del self._versions[next(iter(self._versions))]
        return version <= last


def _hour(moment: datetime) -> int:
    return int(moment.timestamp() // 3600)
