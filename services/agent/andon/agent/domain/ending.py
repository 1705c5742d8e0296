"""What the end of a process makes of its attempt."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from andon.agent.domain.lines import MARK
from andon.contracts.queue import Artifact, Failure, Grant, LogRef, Progress, Report, Stage

_TEXT = 4096
_MESSAGE_BYTES = 2000
_NO_FAULT = frozenset({"no_process"})


@dataclass(frozen=True)
class Ended:
    """How a process ended, as its keeper wrote it down."""

    exit_code: int | None = None
    error: str = ""
    """Why it could not even start."""
    message: str = ""
    stopped: bool = False
    timed_out: bool = False
    vanished: bool = False
    """Nobody knows: the keeper is gone, too."""
    dropped: bool = False
    """The agent ended it because it stops itself."""
    overfull: str = ""
    """The agent ended it because it filled the disk: the words for its user."""

    @classmethod
    def of(cls, word: dict[str, Any]) -> "Ended":
        return cls(
            exit_code=word.get("exit_code"),
            error=str(word.get("error") or ""),
            message=str(word.get("message") or ""),
            stopped=bool(word.get("stopped")),
            timed_out=bool(word.get("timed_out")),
        )


@dataclass(frozen=True)
class Left:
    """What a job has left behind."""

    outputs: tuple[Artifact, ...] = ()
    missing: tuple[str, ...] = ()
    """Names of required outputs that are not there."""
    trouble: str = ""
    """Why outputs could not be kept."""
    logs: dict[str, LogRef] = field(default_factory=dict[str, LogRef])
    progress: Progress | None = None
    checkpoint: dict[str, Any] | None = None
    starved: bool = False
    """The kernel killed something of it because it had used up its memory."""
    last_words: bytes = b""
    """The end of its stderr, or of its stdout when there is none."""
    last_said: bytes = b""
    """The end of its stdout."""


def last_report(grant: Grant, ended: Ended, left: Left) -> Report:
    """The one that ends the attempt."""
    return Report(
        job_id=grant.job.id,
        token=grant.lease.token,
        exit_code=ended.exit_code,
        outputs=left.outputs,
        logs=left.logs,
        progress=left.progress,
        checkpoint=left.checkpoint,
        **_verdict(ended, left),
    )


def _verdict(ended: Ended, left: Left) -> dict[str, Any]:
    if (fault := _machine_fault(ended)) is not None:
        return fault
    if ended.stopped:
        return {"stage": Stage.STOPPED, "message": "ended as was asked"}
    return _own_fault(ended) or _bad_end(ended, left) or _well(left)


def _well(left: Left) -> dict[str, Any]:
    said = [line for line in left.last_said[-_MESSAGE_BYTES:].split(b"\n") if not line.startswith(MARK)]
    return {"stage": Stage.SUCCEEDED, "message": _text(b"\n".join(said))}


def _machine_fault(ended: Ended) -> dict[str, Any] | None:
    if ended.dropped:
        return _failed("agent_stopped", "its agent stopped", Failure.INFRASTRUCTURE)
    if ended.vanished:
        message = "its process is gone, and nobody saw how it ended"
        return _failed("process_lost", message, Failure.INFRASTRUCTURE)
    return None


def _own_fault(ended: Ended) -> dict[str, Any] | None:
    if ended.overfull:
        return _failed("disk_full", ended.overfull, Failure.TASK)
    if ended.error:
        fault = Failure.INFRASTRUCTURE if ended.error in _NO_FAULT else Failure.FINAL
        return _failed(ended.error, ended.message, fault)
    if ended.timed_out:
        return _failed("timed_out", "ran for longer than its time", Failure.TASK)
    return None


def _bad_end(ended: Ended, left: Left) -> dict[str, Any] | None:
    if ended.exit_code != 0 and left.starved:
        return _failed("out_of_memory", "it used more memory than it asked for", Failure.TASK)
    if ended.exit_code != 0:
        return _failed("", _why(ended.exit_code, left.last_words), Failure.TASK)
    if left.trouble:
        return _failed("collecting", left.trouble, Failure.INFRASTRUCTURE)
    if left.missing:
        return _failed("missing_output", f"it left no {', '.join(left.missing)}"[:_TEXT], Failure.TASK)
    return None


def _failed(reason: str, message: str, failure: Failure) -> dict[str, Any]:
    return {"stage": Stage.FAILED, "reason": reason, "message": message[:_TEXT], "failure": failure}


def _why(exit_code: int | None, last_words: bytes) -> str:
    if exit_code is not None and exit_code < 0:
        how = f"ended by {_signal_name(-exit_code)}"
    else:
        how = f"exit code {exit_code}"
    words = _text(last_words[-_MESSAGE_BYTES:])
    return f"{how}: {words}" if words else how


def _text(words: bytes) -> str:
    return words.decode("utf-8", "replace").replace("\x00", "").strip()


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def progress_of(marks: dict[str, Any]) -> Progress:
    """What a job said of itself, as it is told on."""
    return Progress(
        fraction=marks.get("fraction"),
        step=marks.get("step"),
        total_steps=marks.get("total_steps"),
        message=marks.get("message"),
        metrics=marks.get("metrics") or {},
    )


def plain(patterns: str) -> bool:
    """Whether an output names one path rather than a glob."""
    return not any(each in patterns for each in "*?[")


def named(output: str, relative: str, *, single: bool) -> str:
    """An artifact's name: the output's own, or the output's with the file's path."""
    name = output if single else f"{output}/{relative}"
    clean = "".join(each if each.isprintable() else "_" for each in name)
    return clean if len(clean) <= 128 else f"{clean[:63]}..{clean[-63:]}"  # noqa: PLR2004 - a label's length


def oldest_first(sizes: Sequence[tuple[float, int, str]], most: int) -> list[str]:
    """Which of (last use, bytes, name) must go so that the rest is within `most` bytes."""
    total = sum(size for _, size, _ in sizes)
    gone: list[str] = []
    for _, size, name in sorted(sizes):
        if total <= most:
            break
        gone.append(name)
        total -= size
    return gone
