"""The way to the keepers: begins them, orders them about, and sees whether one lives."""

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path

import psutil

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TZ")
_ATTEMPT_VARIABLES = ("ANDON_JOB_ID", "ANDON_ATTEMPT")


class Order(IntEnum):
    """What a keeper may be told."""

    STOP = signal.SIGTERM
    END = signal.SIGQUIT
    """At once."""
    PAUSE = signal.SIGUSR1
    GO_ON = signal.SIGUSR2


class Keepers:
    """`heard` is called with an attempt folder's name when its process has begun or ended."""

    def __init__(self, heard: Callable[[str], None]) -> None:
        self._heard = heard
        self._nursery: subprocess.Popen[bytes] | None = None
        self._news = b""

    def begin(self, folder: Path) -> None:
        """Have a keeper for this attempt; harmless when there is or was one."""
        line = os.fsencode(folder.resolve()) + b"\n"
        for _ in range(2):
            nursery = self._running()
            assert nursery.stdin is not None  # noqa: S101 - a pipe was asked for
            try:
                nursery.stdin.write(line)
                nursery.stdin.flush()
            except BrokenPipeError:
                self.close()
            else:
                return

    def order(self, folder: Path, order: Order) -> bool:
        """False when no keeper lives there."""
        pid = living_keeper(folder)
        if pid is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(pid, order)
        return True

    def close(self) -> None:
        """Keepers live on."""
        if self._nursery is None:
            return
        nursery, self._nursery = self._nursery, None
        assert nursery.stdin is not None  # noqa: S101
        assert nursery.stdout is not None  # noqa: S101
        asyncio.get_running_loop().remove_reader(nursery.stdout.fileno())
        with suppress(BrokenPipeError):
            nursery.stdin.close()
        nursery.stdout.close()
        try:
            nursery.wait(2)
        except subprocess.TimeoutExpired:
            nursery.kill()
            nursery.wait()

    def _running(self) -> "subprocess.Popen[bytes]":
        if self._nursery is not None and self._nursery.poll() is None:
            return self._nursery
        self.close()
        self._nursery = nursery = subprocess.Popen(
            [sys.executable, "-m", "andon.agent.keeper"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )
        assert nursery.stdout is not None  # noqa: S101
        os.set_blocking(nursery.stdout.fileno(), False)
        asyncio.get_running_loop().add_reader(nursery.stdout.fileno(), self._read, nursery)
        return nursery

    def _read(self, nursery: "subprocess.Popen[bytes]") -> None:
        assert nursery.stdout is not None  # noqa: S101
        try:
            piece = os.read(nursery.stdout.fileno(), 65536)
        except BlockingIOError:
            return
        if not piece:
            asyncio.get_running_loop().remove_reader(nursery.stdout.fileno())
            return
        *lines, self._news = (self._news + piece).split(b"\n")
        for line in lines:
            self._heard(line.decode())


def living_keeper(folder: Path) -> int | None:
    """The process that keeps this attempt; it holds a lock for as long as it lives, whatever its number."""
    try:
        fd = os.open(folder / "started", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.read(fd, 32) or b"0") or None
    finally:
        os.close(fd)
    return None


def end_strays(job_id: str, attempt: int) -> int:
    """Kill what still runs of an attempt whose keeper is gone: its variables tell whose a process is."""
    ended = 0
    wanted = dict(zip(_ATTEMPT_VARIABLES, (job_id, str(attempt)), strict=True))
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            variables = process.environ()
            if all(variables.get(name) == value for name, value in wanted.items()):
                process.kill()
                ended += 1
    return ended
