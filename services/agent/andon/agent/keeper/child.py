"""Starts a job's program: as an argument list, in a session of its own, with the machine's limits."""

import errno
import os
import resource
import signal
import subprocess
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_OOM_SCORE = b"500"
_LONGEST = 400


class CannotStart(Exception):
    """The program can't be started; a repeat would not help."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message[:_LONGEST])
        self.reason = reason


@dataclass(frozen=True)
class Child:
    pid: int
    stdout: int
    stderr: int


def start(asked: dict[str, Any]) -> Child:
    """Raises CannotStart; OSError when the machine has no room for a process."""
    argv: list[str] = asked["argv"]
    try:
        process = subprocess.Popen(  # noqa: S603 - running what the job names is what this is for
            argv,
            cwd=asked["cwd"],
            env=asked["env"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
            preexec_fn=_limits(asked),  # noqa: PLW1509 - this process has one thread
        )
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CannotStart("command_not_found", f"there is no program {argv[0]!r}") from error
    except PermissionError as error:
        raise CannotStart("not_executable", f"{argv[0]!r} may not be executed") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.ENOMEM):
            raise CannotStart("no_process", f"the machine has no room for a process: {error}") from error
        raise CannotStart("not_executable", f"{argv[0]!r} can't be executed: {error}") from error
    assert process.stdout is not None  # noqa: S101 - a pipe was asked for
    assert process.stderr is not None  # noqa: S101
    child = Child(process.pid, os.dup(process.stdout.fileno()), os.dup(process.stderr.fileno()))
    process.stdout.close()
    process.stderr.close()
    process.returncode = 0  # reaped by the family, so that its end is seen once
    return child


def _limits(asked: dict[str, Any]) -> Callable[[], None]:
    def apply() -> None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if asked.get("memory_bytes"):
            most = int(asked["memory_bytes"])
            resource.setrlimit(resource.RLIMIT_DATA, (most, most))
        if asked.get("file_bytes"):
            most = int(asked["file_bytes"])
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        with suppress(OSError):
            os.nice(int(asked.get("nice", 0)))
        with suppress(OSError):  # when memory is short the job goes, not its keeper
            score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
            os.write(score, _OOM_SCORE)
            os.close(score)
        for folder in asked.get("cgroups", ()):
            with suppress(OSError):  # a machine that started anew has lost it: better unbound than not at all
                fd = os.open(os.path.join(folder, "cgroup.procs"), os.O_WRONLY)  # noqa: PTH118 - a plain call
                os.write(fd, b"0")
                os.close(fd)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())

    return apply
