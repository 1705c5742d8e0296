"""When a job began, told by whoever runs it to whoever measures: a datagram each, by one machine's clock."""

import os
import socket
import time
from pathlib import Path

ADDRESS = "BENCH_SOCKET"
_PATIENCE = 60.0


def tell(what: str) -> None:
    """Say that this process has come to `what`, now."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
        out.sendto(f"{what} {time.monotonic_ns()} {os.getpid()}".encode(), os.environ[ADDRESS])


class Ear:
    """Hears what is told, in a thread's time or an event loop's."""

    def __init__(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.settimeout(_PATIENCE)

    def next(self, within: float = _PATIENCE) -> tuple[str, int, int]:
        """What was told, when by the monotonic clock in ns, and by which process. Raises TimeoutError."""
        self._socket.settimeout(within)
        what, moment, pid = self._socket.recv(256).decode().split(" ")
        return what, int(moment), int(pid)

    def close(self) -> None:
        self._socket.close()
