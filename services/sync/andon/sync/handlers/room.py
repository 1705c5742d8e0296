"""Lets in as many bytes as this process may have in work; who comes then is told to come again."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from andon.contracts import Unavailable


@dataclass
class Room:
    """Bytes in work."""

    most: int
    taken: int = 0

    @contextmanager
    def of(self, size: int) -> Generator[None]:
        """Raises Unavailable, with the seconds to wait, when there is no room."""
        if self.taken and self.taken + size > self.most:
            busy = Unavailable("sync has as many uploads in work as it takes; come again")
            busy.problem = busy.problem.model_copy(update={"retry_after": 1})
            raise busy
        self.taken += size
        try:
            yield
        finally:
            self.taken -= size
