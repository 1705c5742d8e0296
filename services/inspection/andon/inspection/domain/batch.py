"""What a batch job's files are called, and how its figures follow from what became of them."""

import re
from dataclasses import dataclass
from fnmatch import translate
from hashlib import sha256

from andon.contracts import BadRequest
from andon.contracts.batch import BatchJob, FileResult, FileState
from andon.contracts.inspection import Decision

IMAGES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"})
"""Endings of files that Andon looks at."""
_LABEL = 128
"""Characters that a frame or part id may have."""
_DIGEST = 24


def matching(pattern: str) -> re.Pattern[str]:
    """A pattern for file names such as `*.jpg`, in any case. Raises BadRequest."""
    if any(letter in pattern for letter in "/\\") or pattern in {".", ".."}:
        raise _bad("file_pattern: it is matched with the file's name alone and has no / or \\ in it")
    if not pattern.isprintable():
        raise _bad("file_pattern: it has characters that no file name has")
    if pattern.count("*") > 8:  # noqa: PLR2004 - each more makes matching a long name slower
        raise _bad("file_pattern: eight stars are the most")
    return re.compile(translate(pattern), re.IGNORECASE)


def frame_id(job_id: str, name: str) -> str:
    """The same for the same file of a job, however often it is judged; at most 128 characters."""
    frame = f"batch/{job_id}/{name}"
    if len(frame) <= _LABEL:
        return frame
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    start = f"batch/{job_id}/{digest}-"
    return start + name[len(start) - _LABEL :]


def part_id(name: str) -> str:
    """The end of the file's path, as long as a part id may be."""
    return name[-_LABEL:]


def is_sayable(name: str) -> bool:
    """Whether a file's name can stand in a record: one line of valid text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return not re.search(r"[\x00-\x1f\x7f]", name)


def named(index: int, name: str) -> FileResult:
    """A file to be judged; one whose name can't stand in a record has failed already."""
    if is_sayable(name):
        return FileResult(index=index, name=name)
    shown = "".join(each if each.isprintable() else f"\\x{ord(each) & 0xFF:02x}" for each in name)
    return FileResult(
        index=index, name=shown, status=FileState.FAILED, error="its name is not one line of valid UTF-8"
    )


@dataclass
class Tally:
    """How far a job is."""

    passed: int = 0
    failed: int = 0
    uncertain: int = 0
    failed_files: int = 0

    def add(self, result: FileResult) -> None:
        if result.status is FileState.FAILED:
            self.failed_files += 1
        self.passed += result.decision is Decision.PASS
        self.failed += result.decision is Decision.FAIL
        self.uncertain += result.decision is Decision.UNCERTAIN

    @property
    def processed(self) -> int:
        return self.passed + self.failed + self.uncertain + self.failed_files

    def figures(self, total: int) -> dict[str, object]:
        """As fields of a job."""
        percent = 100 * self.processed / total if total else 0.0
        return {
            "total_files": total,
            "processed_files": self.processed,
            "failed_files": self.failed_files,
            "passed": self.passed,
            "failed": self.failed,
            "uncertain": self.uncertain,
            "progress_percent": round(min(percent, 100.0), 1),
        }


def ending(job: BatchJob) -> str | None:
    """Why a job that looked at all its files is a failure all the same; None when it is not."""
    if job.failed_files and job.failed_files == job.total_files:
        return f"none of the {job.total_files} files could be judged; the results say why"
    return None


def _bad(message: str) -> BadRequest:
    return BadRequest(message, {"file_pattern": "not a pattern for file names"})
