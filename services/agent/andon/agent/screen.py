"""Jobs in a terminal: tables, bars, and output as it comes."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Column, Table
from rich.text import Text

from andon.agent.domain.segments import offset_of
from andon.contracts import NotFound, Refused, Unavailable
from andon.contracts.queue import ENDED, Job, JobHistory, Jobs, JobStatus, LogRef
from andon.storage import Blobs

_LOOK_SECONDS = 1.0
_PIECE = 1 << 20
_PIPE_WIDTH = 160
_ID, _STATUS, _BAR, _GAPS = 36, 10, 12, 12
_WIDE = 110
"""Columns from which on a table has all it can tell."""
_COLOURS = {
    JobStatus.SUCCEEDED: "green",
    JobStatus.FAILED: "red",
    JobStatus.LOST: "red",
    JobStatus.RUNNING: "cyan",
    JobStatus.PREPARING: "cyan",
    JobStatus.COLLECTING: "cyan",
    JobStatus.PAUSED: "yellow",
    JobStatus.CANCELLED: "yellow",
    JobStatus.STOPPED: "yellow",
}


def terminal() -> Console:
    """As wide as it is; what goes to a file or a pipe is not cut."""
    console = Console()
    return console if console.is_terminal else Console(width=max(console.width, _PIPE_WIDTH))


def show_jobs(found: Jobs, console: Console | None = None) -> None:
    console = console or terminal()
    console.print(_table(found, console.width))
    if found.total is not None and found.total > len(found.jobs):
        console.print(f"{len(found.jobs)} of {found.total}")


async def watch_jobs(read: Callable[[], Awaitable[Jobs]]) -> None:
    """Until cancelled; while the queue is away the last picture stays."""
    console = terminal()
    with Live(_table(await read(), console.width), console=console, refresh_per_second=4) as live:
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            try:
                live.update(_table(await read(), console.width))
            except Unavailable:
                continue


def show_job(history: JobHistory, console: Console | None = None) -> None:
    console, job = console or terminal(), history.job
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("job", job.id),
        ("name", job.name),
        ("command", " ".join(map(repr, job.spec.command)) or "-"),
        ("queue", f"{job.queue}, priority {job.priority}"),
        ("device", job.device or "-"),
        ("error", job.error),
        ("output", job.output),
    ):
        if value:
            facts.add_row(name, Text(value[:2000]))
    facts.add_row("status", _status(job))
    facts.add_row("progress", _bar(job))
    for name, figure in sorted(job.metrics.items()):
        facts.add_row(Text(name), f"{figure:g}")
    for kept in job.outputs:
        facts.add_row("kept", Text(f"{kept.name}  {kept.size} bytes  {kept.key}"))
    console.print(facts)
    if history.attempts:
        tried = Table("attempt", "device", "pid", "outcome", "reason", "exit", "seconds")
        for each in history.attempts:
            seconds = f"{(each.ended_at - each.leased_at).total_seconds():.1f}" if each.ended_at else ""
            tried.add_row(
                str(each.number), each.device or "-", str(each.pid or ""), each.outcome or "", each.reason,
                "" if each.exit_code is None else str(each.exit_code), seconds,
            )  # fmt: skip
        console.print(tried)


async def follow(read: Callable[[], Awaitable[Job]], blobs: Blobs, console: Console | None = None) -> Job:
    """Output and a bar until the job has ended; then the job."""
    console = console or terminal()
    reader, attempt, at = LogReader(blobs), 0, {"stdout": 0, "stderr": 0}
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        while True:
            try:
                job = await read()
            except Unavailable:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            if job.attempt_no != attempt:
                attempt, at = job.attempt_no, dict.fromkeys(at, 0)
            for stream, ref in sorted(job.logs.items()):
                data, at[stream] = await _read(reader, ref, at.get(stream, 0))
                if data:
                    style = "red" if stream == "stderr" else None
                    console.print(Text(data.decode("utf-8", "replace").rstrip("\n")), style=style)
            live.update(_line(job))
            if job.status in ENDED:
                break
            await asyncio.sleep(_LOOK_SECONDS)
    console.print(_line(job))
    if job.error:
        console.print(Text(job.error, style="red"))
    return job


class LogReader:
    """Reads a job's output from the object store, also while it grows."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    async def read(self, ref: LogRef, offset: int) -> tuple[bytes, int]:
        """What is there from `offset` on, a megabyte at most, and where to go on. Raises Unavailable.

        What was left out in the middle is told in a line.
        """
        keys = await self._blobs.list(ref.key)
        places = sorted((at, key) for key in keys if (at := offset_of(key.rsplit("/", 1)[-1])) is not None)
        for place, (at, key) in enumerate(places):
            following = places[place + 1][0] if place + 1 < len(places) else None
            if following is not None and following <= offset:
                continue
            missing = max(at - offset, 0)
            start = max(offset - at, 0)
            try:
                data = await self._blobs.get_range(key, start, _PIECE)
            except NotFound:
                continue  # left out since it was listed
            if not data and not missing:
                continue
            gap = f"\n[... {missing} bytes left out ...]\n".encode() if missing else b""
            return gap + data, max(offset, at) + len(data)
        return b"", offset


async def _read(reader: LogReader, ref: LogRef, offset: int) -> tuple[bytes, int]:
    if ref.size <= offset:
        return b"", offset
    try:
        return await reader.read(ref, offset)
    except Refused:
        return b"", offset  # the store is away: the bar goes on


def _table(found: Jobs, width: int) -> Table:
    """Where there is little room the name and the status have it."""
    wide = width >= _WIDE
    room = None if wide else max(width - _ID - _STATUS - _BAR - _GAPS, 8)
    table = Table(
        Column("job", min_width=_ID),
        Column("name", no_wrap=True, max_width=room),
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("status", no_wrap=True, min_width=_STATUS)
    table.add_column("progress", no_wrap=True, min_width=_BAR)
    if wide:
        for name in ("queue", "device", "age"):
            table.add_column(name, no_wrap=True, justify="right" if name == "age" else "left")
    now = datetime.now(UTC)
    for job in found.jobs:
        age = _duration(max((now - job.created_at).total_seconds(), 0))
        more = (job.queue, job.device or "", age) if wide else ()
        status = _status(job) if wide else Text(job.status, style=_COLOURS.get(job.status, ""))
        table.add_row(job.id, Text(job.name), status, _bar(job, 20 if wide else _BAR - 5), *more)
    return table


def _line(job: Job) -> Table:
    line = Table.grid(padding=(0, 1))
    figures = " ".join(f"{name}={figure:g}" for name, figure in list(job.metrics.items())[:6])
    step = "" if job.step is None else f"step {job.step}" + (f"/{job.total_steps}" if job.total_steps else "")
    line.add_row(_status(job), _bar(job), step, Text(figures), Text(job.progress_message[:120]))
    return line


def _status(job: Job) -> Text:
    words = f"{job.status} ({job.status_reason})" if job.status_reason and job.status in ENDED else job.status
    return Text(words, style=_COLOURS.get(job.status, ""))


def _bar(job: Job, width: int = 20) -> Table:
    bar = Table.grid(padding=(0, 1))
    bar.add_row(ProgressBar(total=1.0, completed=job.progress, width=width), f"{job.progress:4.0%}")
    return bar


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
