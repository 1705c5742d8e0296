"""One stack per data folder."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


class InUse(RuntimeError):
    """Another stack runs over the folder."""


@contextmanager
def locked(data: Path) -> Generator[None]:
    """Hold the folder. The kernel lets go of it with the process, however that ends. Raises InUse."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (data / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise InUse(
                f"an Andon stack already runs over {data.resolve()} (process {holder}); "
                "end that one, or choose another folder with --data"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
