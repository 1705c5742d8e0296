"""What this process knows to have been said of each job."""

from dataclasses import dataclass, field

_REMEMBERED = 20_000


@dataclass
class Said:
    _versions: dict[str, int] = field(default_factory=dict[str, int])

    def up_to(self, job_id: str) -> int:
        """The last version up to which everything was said here; 0 when that is not known."""
        return self._versions.get(job_id, 0)

    def remember(self, job_id: str, version: int) -> None:
        self._versions.pop(job_id, None)
        self._versions[job_id] = version
        if len(self._versions) > _REMEMBERED:
            del self._versions[next(iter(self._versions))]
