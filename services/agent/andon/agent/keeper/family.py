"""All processes of a job: its group, and whatever it forked, wherever that went."""

import os
import signal
from contextlib import suppress

import psutil


class Family:
    """Those below this process, which is their subreaper: a daemon that left its group and session, too."""

    def __init__(self, main: int) -> None:
        self._main = main
        self._status: int | None = None
        self._alone = False

    def reaped(self, pid: int) -> int | None:
        """Collect what has ended; the main process's status once it has."""
        while True:
            try:
                found, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self._alone = True
                break
            if found == 0:
                break
            if found == pid:
                self._status = status
        return self._status

    def remains(self) -> bool:
        """Whether anything of it still runs: what has lost its parent is a child of this process."""
        self.reaped(self._main)
        return not self._alone

    def send(self, number: int) -> None:
        """Once to each. The group is told as a whole for as long as its first process lives."""
        whole = self._status is None
        if whole:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._main, number)
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error, ProcessLookupError, PermissionError):
                if not whole or os.getpgid(process.pid) != self._main:
                    process.send_signal(number)

    def kill(self) -> None:
        """All of them are stopped first, so that none forks away from under it."""
        self.send(signal.SIGSTOP)
        self.send(signal.SIGKILL)
