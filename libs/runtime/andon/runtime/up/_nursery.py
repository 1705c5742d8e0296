"""Where services are born: one process reads what all of them need, and each is a fork of it.

Reading takes two seconds of a core and 80 MiB for each service that does it alone.
"""

import asyncio
import gc
import multiprocessing
import os
import sys
from collections.abc import Mapping
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess

from andon.runtime.embedded import dies_with_parent, shown_as

_READ = (
    "andon.runtime.up._cradle",
    "andon.contracts",
    "andon.telemetry",
    "andon.messaging",
    "andon.storage",
    "andon.security",
    "andon.runtime.service",
    __name__,
)
_LINE = 256 * 1024
"""Bytes of one line of output before it is cut."""

_die_with_nursery = dies_with_parent()
"""Of use in the children alone: they have this module as the nursery imported it."""


class Nursery:
    """Forks services. It ends with the process that opened it, and everything that it forked ends with it."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")

    def open(self) -> None:
        """Begin to read; returns at once."""
        os.environ.setdefault("MALLOC_ARENA_MAX", "2")  # read by glibc once: it keeps an arena per thread
        self._context.set_forkserver_preload(list(_READ))
        forkserver.ensure_running()

    async def born(self, name: str, environment: Mapping[str, str]) -> "Child":
        """Start a service; waits until the reading is done."""
        readable, writable = self._context.Pipe(duplex=False)
        with readable, writable:
            process = self._context.Process(target=_live, name=name, args=(name, dict(environment), writable))
            await asyncio.to_thread(process.start)  # the pipe's end is sent to the child while it runs
            pipe = os.fdopen(os.dup(readable.fileno()), "rb")
        output = asyncio.StreamReader(limit=_LINE)
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(output), pipe)
        return Child(process, output)


class Child:
    """A service that was forked."""

    def __init__(self, process: ForkServerProcess, output: asyncio.StreamReader) -> None:
        assert process.pid is not None  # noqa: S101 - it was started
        self.pid: int = process.pid
        self.output = output
        """What it prints, until it and its children have ended."""
        self._process = process

    async def wait(self) -> int:
        """Its exit status; negative is the number of the signal that ended it."""
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._process.sentinel, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        self._process.join()
        status = self._process.exitcode
        assert status is not None  # noqa: S101 - it was joined
        return status

    def send_signal(self, number: int) -> None:
        """Nothing happens to one that has ended."""
        if self._process.is_alive():
            os.kill(self.pid, number)


def _live(name: str, environment: dict[str, str], output: Connection) -> None:
    """The child's whole life."""
    _die_with_nursery()
    os.setpgid(0, 0)  # a terminal's Ctrl-C reaches the parent alone, which ends its children in order
    gc.freeze()  # what was inherited stays shared as long as nothing writes to it
    shown_as(f"andon {name}")
    for stream in (1, 2):
        os.dup2(output.fileno(), stream)
    # The nursery's own, not a service's.
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdout = open(1, "w", buffering=1, closefd=False)  # noqa: SIM115 - a descriptor, for good
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115
    os.environ.clear()
    os.environ.update(environment)
    from andon.runtime.service import run  # noqa: PLC0415 - the parent needs no broker's client

    sys.exit(run(name))
