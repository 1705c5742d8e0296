"""How many jobs may be held at once, of all, of one user, of one project, of one queue."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from andon.contracts.queue import Queue, QueueSettings
from andon.queue.domain.devices import Holding
from andon.queue.domain.ready import Kind


@dataclass
class Caps:
    """What is held against what may be."""

    settings: QueueSettings
    queues: Mapping[str, Queue]
    _held: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    @property
    def bind(self) -> bool:
        """Whether there is any."""
        settings = self.settings
        caps = (settings.max_concurrent, settings.max_per_user, settings.max_per_project)
        return (
            any(cap is not None for cap in caps)
            or bool(settings.users or settings.projects)
            or any(queue.max_concurrent is not None for queue in self.queues.values())
        )

    def count(self, held: Iterable[Holding]) -> None:
        """What is held now."""
        self._held.clear()
        for each in held:
            self.take(each.queue, each.user, each.project)

    def take(self, queue: str, user: str, project: str) -> None:
        self._held.update(_scopes(queue, user, project))

    def allow(self, kind: Kind) -> bool:
        """Whether one more of a kind may be held."""
        return self._spare(kind, 1)

    def overdrawn(self, kind: Kind) -> bool:
        """Whether more are held than may be."""
        return not self._spare(kind, 0)

    def _spare(self, kind: Kind, more: int) -> bool:
        queue = self.queues.get(kind.queue)
        limits = (
            self.settings.max_concurrent,
            queue.max_concurrent if queue else None,
            self.settings.users.get(kind.user, self.settings.max_per_user),
            self.settings.projects.get(kind.project, self.settings.max_per_project),
        )
        scopes = _scopes(kind.queue, kind.user, kind.project)
        return all(
            limit is None or self._held[scope] + more <= limit
            for scope, limit in zip(scopes, limits, strict=True)
        )


def _scopes(queue: str, user: str, project: str) -> tuple[tuple[str, str], ...]:
    return (("all", ""), ("queue", queue), ("user", user), ("project", project))
