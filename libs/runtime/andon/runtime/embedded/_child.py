"""A child process that can't outlive its parent."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_LONGEST_LOG = 10 * 1024 * 1024
"""Bytes of a server's log after which the next start begins a new one."""

_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_libc = ctypes.CDLL(None)


def dies_with_parent() -> Callable[[], None]:
    """What a child runs between fork and exec, so that the kernel kills it when the parent dies.

    The kernel watches the thread that forks: start children from one that lives as long as they should.
    """
    parent = os.getpid()

    def ask_kernel() -> None:
        die_with_parent()
        if os.getppid() != parent:  # it died before the call above
            os._exit(1)

    return ask_kernel


def die_with_parent() -> None:
    """From now on the kernel kills this process when the thread that forked it ends."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def shown_as(name: str) -> None:
    """What `ps` and `top` call this process, in 15 characters."""
    _libc.prctl(_PR_SET_NAME, name.encode()[:15])


def spawn(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = subprocess.DEVNULL,
) -> "subprocess.Popen[bytes]":
    """Start a process in a group of its own that dies with this one."""
    return subprocess.Popen(  # noqa: S603 - the commands are our own
        list(command),
        env=None if env is None else dict(env),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        process_group=0,  # a terminal's Ctrl-C reaches the parent alone, which ends its children in order
        preexec_fn=dies_with_parent(),  # noqa: PLW1509 - no other thread of ours holds a lock that it needs
    )


class NotReady(RuntimeError):
    """A server did not come up; the message carries the end of its log."""


class Server:
    """A real server as a child process on fixed ports over a folder that outlives it.

    It can be killed and started again on the same store, as tests of outages need it.
    """

    def __init__(  # noqa: PLR0913 - each is named where it is given
        self,
        name: str,
        command: Sequence[str],
        ready: Callable[[], bool],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        patience: float = 2.0,
    ) -> None:
        """`ready` is one quick look; `patience` is how many seconds a SIGTERM is given before the SIGKILL."""
        self.name = name
        self._command = tuple(command)
        self._ready = ready
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._patience = patience
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Of the running process, else None."""
        return self._process.pid if self._process and self.alive else None

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process and return at once."""
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > _LONGEST_LOG:
            self._log.replace(self._log.with_suffix(".old.log"))
        with self._log.open("ab") as log:
            self._process = spawn(self._command, env=self._env, output=log)

    def wait_ready(self, within: float = 30.0) -> None:
        """Wait until it answers. Raises NotReady when it ended or took longer than `within` seconds."""
        deadline = time.monotonic() + within
        while not self._ready():
            if not self.alive:
                raise NotReady(f"{self.name} ended while starting:\n{self._tail()}")
            if time.monotonic() > deadline:
                raise NotReady(f"{self.name} did not answer within {within:g} s:\n{self._tail()}")
            time.sleep(0.02)

    def start(self, within: float = 30.0) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.wait_ready(within)

    def kill(self) -> None:
        """SIGKILL, as a power cut would end the process; the store stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def ask_to_stop(self) -> None:
        """SIGTERM; `stop` waits for the end."""
        if self.alive and self._process is not None:
            self._process.terminate()

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for one that takes its time."""
        if self._process is None:
            return
        self.ask_to_stop()
        try:
            self._process.wait(self._patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self, within: float = 30.0) -> None:
        """Kill it, then start it on the same store and ports."""
        self.kill()
        self.start(within)

    def _tail(self) -> str:
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-15:])
