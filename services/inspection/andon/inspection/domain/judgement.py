"""From an anomaly score to a decision and how sure it is."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from uuid import UUID, uuid5

from andon.contracts.inspection import DecidedBy, Decision, FrameCaptured
from andon.contracts.station import DetectorModel, Evidence, Thresholds

_FRAMES = UUID("5b1c3f0e-6a53-5d1b-9c52-0d3f8f6f2c11")


@dataclass(frozen=True)
class Verdict:
    """What is said of a part, and how sure Andon is of just that."""

    decision: Decision
    confidence: float
    decided_by: DecidedBy = DecidedBy.ANOMALY


def judge(score: float, thresholds: Thresholds) -> Verdict:
    """Decide by the recipe's thresholds; confidence is a conformal p-value or its complement."""
    normal = p_value(score, thresholds.calibration)
    if score > thresholds.fail_above:
        return Verdict(Decision.FAIL, 1 - normal)
    if score > thresholds.uncertain_above:
        return Verdict(Decision.UNCERTAIN, normal)
    return Verdict(Decision.PASS, normal)


def with_defects(verdict: Verdict, confidences: Iterable[float], detector: DetectorModel | None) -> Verdict:
    """The same, unless one of the defects is surer than the limit of a detector that decides."""
    if detector is None or detector.fails_above is None or verdict.decision is Decision.FAIL:
        return verdict
    surest = max(confidences, default=0.0)
    if surest <= detector.fails_above:
        return verdict
    return Verdict(Decision.FAIL, 1 - p_value(surest, detector.calibration), DecidedBy.DETECTOR)


def p_value(score: float, calibration: tuple[float, ...]) -> float:
    """Share of good parts, this one counted in, that score at least as high; `calibration` ascends."""
    at_least = len(calibration) - bisect_left(calibration, score)
    return (1 + at_least) / (1 + len(calibration))


def inspection_id(station_id: str, frame_id: str) -> str:
    """The same frame of the same station always gets the same record."""
    return str(uuid5(_FRAMES, f"{station_id}/{frame_id}"))


def frame_id(frame: FrameCaptured, message_id: str | None, sequence: int) -> str:
    """The frame's own name, else the publisher's message id, else its place in the stream."""
    return frame.frame_id or message_id or f"frame-{sequence}"


def kept(decision: Decision, evidence: Evidence, frame: str) -> bool:
    """Whether a part's images stay: all that did not pass, and the recipe's share of those that did."""
    return decision is not Decision.PASS or drawn(frame, evidence.keep_passed)


def drawn(frame: str, share: float) -> bool:
    """A fair draw that falls the same way each time for the same frame."""
    if share >= 1:
        return True
    draw = int.from_bytes(blake2b(frame.encode(), digest_size=8).digest(), "big") / 2**64
    return draw < share
