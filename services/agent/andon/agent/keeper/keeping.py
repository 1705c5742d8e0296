"""Keeps one job's process: starts it, takes its output, ends it when told to, writes down how it ended."""

import ctypes
import fcntl
import json
import os
import selectors
import signal
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from andon.agent.domain.lines import Cutter, Marks
from andon.agent.domain.segments import Bounds
from andon.agent.keeper.child import CannotStart, Child, start
from andon.agent.keeper.family import Family
from andon.agent.keeper.stream import Stream

_PR_SET_CHILD_SUBREAPER = 36
_PIECE = 1 << 18
_MARKS_SECONDS = 0.2
_LEFT_OVER_SECONDS = 2.0
"""What the main process leaves running has so long after SIGTERM."""
_KILL_SECONDS = 0.05
_ORDERS = (signal.SIGTERM, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Stop; end at once; pause; go on."""
_ROOM = 4096
"""Bytes kept free for the last word, should the disk be full then."""


def keep(folder: Path, news: int) -> None:
    """Run the job that `start.json` in the folder tells of. Does nothing when somebody keeps it already."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ORDERS)  # who knows of this process may order it about at once
    if not _claimed(folder):
        return
    _set_subreaper()
    room = _Room(folder)
    asked: dict[str, Any] = json.loads((folder / "start.json").read_bytes())
    keeper = Keeper(folder, asked, news)
    began = time.monotonic()
    try:
        ended = keeper.live()
    except CannotStart as refused:
        ended = {"error": refused.reason, "message": str(refused)}
    room.write({**ended, "seconds": round(time.monotonic() - began, 3), "ended": time.time()})
    _tell(news, folder)


class Keeper:
    def __init__(self, folder: Path, asked: dict[str, Any], news: int) -> None:
        self._folder = folder
        self._asked = asked
        self._news = news
        bounds = Bounds(**asked["bounds"])
        self._streams = {name: Stream(folder / "log" / name, bounds) for name in ("stdout", "stderr")}
        self._marks, self._cutter = Marks(), Cutter()
        self._marks_due: float | None = None
        self._signals: list[int] = []
        self._selector = selectors.DefaultSelector()
        self._stop_at: float | None = None
        """When SIGKILL follows."""
        self._stopped = self._timed_out = False
        self._paused_since: float | None = None
        self._limit: float | None = None

    def live(self) -> dict[str, Any]:
        """Until nothing of the job runs any more. Raises CannotStart."""
        with self._wakes():
            child = start(self._asked)
            self._family = Family(child.pid)
            self._limit = _later(self._asked.get("timeout_seconds"))
            self._began(child)
            for stream, end in (("stdout", child.stdout), ("stderr", child.stderr)):
                os.set_blocking(end, False)
                self._selector.register(end, selectors.EVENT_READ, stream)
            status = self._watch(child)
            self._end_left_overs()
            self._drain()
        self._save_marks()
        for stream in self._streams.values():
            stream.close()
        return {
            "exit_code": os.waitstatus_to_exitcode(status),
            "stopped": self._stopped,
            "timed_out": self._timed_out,
            "sizes": {name: stream.size for name, stream in self._streams.items()},
        }

    def _began(self, child: Child) -> None:
        scratch = self._folder / ".running"
        with suppress(OSError):  # a full disk: the agent finds the process by its keeper then
            scratch.write_text(json.dumps({"pid": child.pid, "started": time.time()}))
            scratch.replace(self._folder / "running.json")
        _tell(self._news, self._folder)

    def _watch(self, child: Child) -> int:
        while (status := self._family.reaped(child.pid)) is None:
            self._take(self._patience())
            for number in self._taken():
                self._obey(number)
            self._keep_time()
        return status

    def _take(self, patience: float | None) -> None:
        for key, _ in self._selector.select(patience):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
                continue
            try:
                piece = os.read(key.fd, _PIECE)
            except BlockingIOError:
                continue
            if not piece:
                self._selector.unregister(key.fd)
                os.close(key.fd)
                continue
            self._streams[key.data].write(piece)
            if key.data == "stdout":
                self._read_marks(piece)

    def _read_marks(self, piece: bytes) -> None:
        heard = [self._marks.hear(line) for line in self._cutter.cut(piece)]
        if any(heard) and self._marks_due is None:
            self._marks_due = time.monotonic() + _MARKS_SECONDS

    def _save_marks(self) -> None:
        self._marks_due = None
        if not self._marks.count:
            return
        scratch = self._folder / ".marks"
        with suppress(OSError):  # a full disk: the next one has it
            scratch.write_text(json.dumps(self._marks.as_json()))
            scratch.replace(self._folder / "marks.json")

    def _patience(self) -> float | None:
        times = [each for each in (self._marks_due, self._stop_at, self._limit) if each is not None]
        if self._paused_since is not None and self._limit in times:
            times.remove(self._limit)
        return max(min(times) - time.monotonic(), 0.0) if times else None

    def _keep_time(self) -> None:
        now = time.monotonic()
        if self._marks_due is not None and now >= self._marks_due:
            self._save_marks()
        if self._stop_at is not None and now >= self._stop_at:
            self._family.kill()
            self._stop_at = now + _KILL_SECONDS  # what was forked meanwhile
        if self._limit is not None and now >= self._limit and self._paused_since is None:
            self._limit, self._timed_out = None, not self._stopped
            self._stop(float(self._asked["kill_after_seconds"]))

    def _obey(self, number: int) -> None:
        if number == signal.SIGTERM:
            self._stopped = True
            self._stop(float(self._asked["kill_after_seconds"]))
        elif number == signal.SIGQUIT:
            self._stopped = True
            self._stop(0)
        elif number == signal.SIGUSR1 and self._paused_since is None and self._stop_at is None:
            self._paused_since = time.monotonic()
            self._family.send(signal.SIGSTOP)
        elif number == signal.SIGUSR2 and self._paused_since is not None:
            self._go_on()

    def _go_on(self) -> None:
        if self._paused_since is not None and self._limit is not None:
            self._limit += time.monotonic() - self._paused_since
        self._paused_since = None
        self._family.send(signal.SIGCONT)

    def _stop(self, grace: float) -> None:
        at = time.monotonic() + grace
        first = self._stop_at is None
        self._stop_at = at if self._stop_at is None else min(at, self._stop_at)
        if first:
            self._family.send(signal.SIGTERM)
            self._family.send(signal.SIGCONT)  # a paused one hears nothing
            self._paused_since = None

    def _end_left_overs(self) -> None:
        """Daemons and background jobs end with the main process."""
        grace = 0.0 if self._stop_at is not None else _LEFT_OVER_SECONDS
        end = time.monotonic() + grace
        if self._family.remains():
            self._family.send(signal.SIGTERM)
            self._family.send(signal.SIGCONT)
        while self._family.remains():
            if time.monotonic() >= end:
                self._family.kill()
            self._take(_KILL_SECONDS)
            if signal.SIGQUIT in self._taken():
                end = 0.0

    def _drain(self) -> None:
        """What was written last; nobody is left who could write more."""
        while any(key.data for key in self._selector.get_map().values()):
            before = {name: stream.size for name, stream in self._streams.items()}
            self._take(_KILL_SECONDS)
            if before == {name: stream.size for name, stream in self._streams.items()}:
                break

    def _taken(self) -> list[int]:
        taken, self._signals = self._signals, []
        return taken

    @contextmanager
    def _wakes(self) -> Generator[None]:
        """Signals end a wait at once."""
        inside, outside = os.pipe()
        os.set_blocking(inside, False)
        os.set_blocking(outside, False)
        self._selector.register(inside, selectors.EVENT_READ, None)
        signal.set_wakeup_fd(outside, warn_on_full_buffer=False)

        def note(number: int, _: FrameType | None) -> None:
            self._signals.append(number)

        for number in (*_ORDERS, signal.SIGCHLD):
            signal.signal(number, note)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ORDERS)
        yield
        signal.set_wakeup_fd(-1)


class _Room:
    """The file of the last word, with its room on the disk taken at the start."""

    def __init__(self, folder: Path) -> None:
        self._scratch, self._file = folder / ".exit", folder / "exit.json"
        self._fd = os.open(self._scratch, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        with suppress(OSError):
            os.pwrite(self._fd, b" " * _ROOM, 0)

    def write(self, word: dict[str, Any]) -> None:
        os.pwrite(self._fd, json.dumps(word).encode()[:_ROOM].ljust(_ROOM), 0)
        os.fsync(self._fd)
        self._scratch.replace(self._file)


def _claimed(folder: Path) -> bool:
    """Whether this process is the one that keeps the folder's job. The lock tells others that it lives."""
    scratch = folder / f".started.{os.getpid()}"
    fd = os.open(scratch, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(fd, str(os.getpid()).encode())
    os.fsync(fd)
    try:
        os.link(scratch, folder / "started")
    except FileExistsError:
        return False
    finally:
        scratch.unlink()
    return True


def _set_subreaper() -> None:
    """What a job's daemons leave behind comes to this process, so that it finds them."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _later(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def _tell(news: int, folder: Path) -> None:
    with suppress(OSError):  # the agent is gone; the next one looks by itself
        os.write(news, f"{folder.name}\n".encode())
