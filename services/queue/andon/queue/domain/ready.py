"""What waits, in memory, in the order of its turn: hints for who leases, never the truth."""

import heapq
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from andon.contracts.queue import JobStatus, Requirements


class Kind(NamedTuple):
    """Jobs of one kind suit the same devices and count against the same caps: only their turn differs."""

    queue: str
    user: str
    project: str
    kind: str
    requirements: Requirements


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that was seen waiting."""

    id: str
    version: int
    rank: int
    priority: int
    kind: Kind
    not_before: datetime | None = None


@dataclass
class Ready:
    """Finding the next job costs as much as there are kinds, however many jobs wait."""

    _known: dict[str, Waiting] = field(default_factory=dict[str, Waiting])
    _seen: dict[str, int] = field(default_factory=dict[str, int])
    """The last version that was seen, also of what waits no more: old news changes nothing."""
    _heaps: dict[Kind, list[tuple[int, str, int]]] = field(
        default_factory=dict[Kind, list[tuple[int, str, int]]]
    )
    _resting: list[tuple[datetime, str, int]] = field(default_factory=list[tuple[datetime, str, int]])
    _kinds: dict[tuple[str, str, str, str, str], Kind] = field(
        default_factory=dict[tuple[str, str, str, str, str], Kind]
    )

    def __len__(self) -> int:
        return len(self._known)

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._known

    def add(self, waiting: Waiting) -> bool:
        """Take it in; False when this version of it, or a later one, is known."""
        if self._seen.get(waiting.id, 0) >= waiting.version:
            return False
        self._see(waiting.id, waiting.version)
        self._known[waiting.id] = waiting
        if waiting.not_before is not None:
            heapq.heappush(self._resting, (waiting.not_before, waiting.id, waiting.version))
        else:
            self._line_up(waiting)
        return True

    def put_back(self, waiting: Waiting) -> None:
        """What was taken waits as before."""
        self._seen.pop(waiting.id, None)
        self.add(waiting)

    def heard(self, job_id: str, version: int, status: JobStatus) -> None:
        """Drop what an event says is not waiting."""
        if status is JobStatus.QUEUED or self._seen.get(job_id, 0) > version:
            return
        self._see(job_id, version)
        self._known.pop(job_id, None)

    def rested(self, now: datetime) -> list[Waiting]:
        """Line up what need not rest any longer, and return it."""
        ready: list[Waiting] = []
        while self._resting and self._resting[0][0] <= now:
            _, job_id, version = heapq.heappop(self._resting)
            waiting = self._known.get(job_id)
            if waiting is not None and waiting.version == version:
                self._line_up(waiting)
                ready.append(waiting)
        return ready

    @property
    def next_rested(self) -> datetime | None:
        """When the next one need not rest any longer."""
        return self._resting[0][0] if self._resting else None

    def take(self, suits: Callable[[Kind], bool]) -> Waiting | None:
        """The one whose turn it is among the kinds that suit; it is known no more."""
        best: tuple[tuple[int, str, int], Kind] | None = None
        empty: list[Kind] = []
        for kind, heap in self._heaps.items():
            head = self._head(heap)
            if head is None:
                empty.append(kind)
            elif (best is None or head < best[0]) and suits(kind):
                best = head, kind
        for kind in empty:
            del self._heaps[kind]
        if best is None:
            return None
        head, kind = best
        heapq.heappop(self._heaps[kind])
        return self._known.pop(head[1])

    def heads(self) -> Iterator[Waiting]:
        """The next one of each kind."""
        for heap in list(self._heaps.values()):
            head = self._head(heap)
            if head is not None:
                yield self._known[head[1]]

    def ranks(self, queue: str, priority: int) -> tuple[int, int] | None:
        """The first and the last rank of a priority in a queue; looks at all that waits."""
        found = [
            each.rank
            for each in self._known.values()
            if each.kind.queue == queue and each.priority == priority
        ]
        return (min(found), max(found)) if found else None

    def counts(self, queues: Collection[str] = ()) -> dict[str, int]:
        """How many wait, by queue."""
        found: dict[str, int] = {}
        for each in self._known.values():
            if not queues or each.kind.queue in queues:
                found[each.kind.queue] = found.get(each.kind.queue, 0) + 1
        return found

    def kind(self, queue: str, user: str, project: str, kind: str, asked: Requirements) -> Kind:
        """One object for each kind, so that many jobs take little."""
        key = (queue, user, project, kind, asked.model_dump_json(exclude={"hours"}))
        if (known := self._kinds.get(key)) is not None:
            return known
        if len(self._kinds) > _MOST_KINDS:
            self._kinds.clear()
        return self._kinds.setdefault(key, Kind(queue, user, project, kind, _without_hours(asked)))

    def _see(self, job_id: str, version: int) -> None:
        self._seen.pop(job_id, None)
        self._seen[job_id] = version
        while len(self._seen) > len(self._known) + _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    def _line_up(self, waiting: Waiting) -> None:
        heap = self._heaps.setdefault(waiting.kind, [])
        heapq.heappush(heap, (waiting.rank, waiting.id, waiting.version))

    def _head(self, heap: list[tuple[int, str, int]]) -> tuple[int, str, int] | None:
        while heap:
            rank, job_id, version = heap[0]
            known = self._known.get(job_id)
            if known is not None and known.version == version and known.rank == rank:
                return heap[0]
            heapq.heappop(heap)
        return None


_MOST_KINDS = 20_000
_REMEMBERED = 20_000


def _without_hours(asked: Requirements) -> Requirements:
    return asked.model_copy(update={"hours": None})
