"""What each version made of its parts, as amounts of an hour's counts and back."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from andon.contracts.inspection import Bins, Decision, Inspection, Tally, Trialled
from andon.inspection.domain.trials import rank

OCTAVE = 8
"""Bins of an octave of scores."""
AT_LIMIT = 41
"""The bin that begins where a part fails."""
_LAST_SCORE = 65
_RANKS = 10
_GREYS = 8

_COLUMN = {Decision.PASS: "passed", Decision.FAIL: "failed", Decision.UNCERTAIN: "uncertain"}
_COUNTS = ("passed", "failed", "uncertain", "errors", "disagreed", "time_us", "time_squares")
_BINS = ("scores", "ranks", "brightness")


def score_bin(score: float, fail_above: float) -> int:
    """Which eighth of an octave around the fail limit; 0 for what has no logarithm."""
    if score <= 0 or fail_above <= 0:
        return 0
    return min(max(math.floor(OCTAVE * math.log2(score / fail_above)) + AT_LIMIT, 1), _LAST_SCORE)


def rank_bin(decision: Decision, confidence: float) -> int:
    """Which tenth of the p-value."""
    return min(max(int(rank(decision, confidence) * _RANKS), 0), _RANKS - 1)


def by_version(part: Inspection, name: str) -> dict[str, int]:
    """What a part adds to the counts of its version; `name` is the version's, safe as a field."""
    return _under(f"versions.{name}", _served(part))


def by_trial(part: Inspection) -> dict[str, int]:
    """What a part adds to the counts of the trial it took part in."""
    trial = part.trial
    if trial is None:
        return {}
    path = f"trials.{trial.rollout_id}"
    if trial.error is not None:
        return _under(f"{path}.old", _served(part)) | {f"{path}.new.errors": 1}
    if trial.by_new:
        return _under(f"{path}.new", _served(part))
    adds = _under(f"{path}.old", _served(part))
    if trial.decision is not None:
        adds |= _under(f"{path}.new", _silent(part, trial))
    return adds


def tally(section: Mapping[str, Any]) -> Tally:
    """The counts under one name."""
    counts = {name: int(section.get(name, 0)) for name in _COUNTS}
    bins: dict[str, Bins] = {
        name: {int(key): int(count) for key, count in section.get(name, {}).items() if count}
        for name in _BINS
    }
    parts = counts["passed"] + counts["failed"] + counts["uncertain"]
    return Tally.model_validate({"parts": parts} | counts | bins)


def total(tallies: Iterable[Tally]) -> Tally:
    """Several as one."""
    every = tuple(tallies)
    sums: dict[str, Any] = {name: sum(getattr(each, name) for each in every) for name in ("parts", *_COUNTS)}
    for name in _BINS:
        sums[name] = _summed([getattr(each, name) for each in every])
    return Tally.model_validate(sums)


def _served(part: Inspection) -> dict[str, int]:
    adds = _judged(part.decision, part.confidence, part.times.inference_ms)
    adds[f"scores.{score_bin(part.anomaly_score, part.fail_above)}"] = 1
    if part.brightness is not None:
        adds[f"brightness.{min(int(part.brightness / _GREYS), 255 // _GREYS)}"] = 1
    return adds


def _silent(part: Inspection, trial: Trialled) -> dict[str, int]:
    decision, confidence = trial.decision or part.decision, trial.confidence or 0.0
    adds = _judged(decision, confidence, trial.inference_ms or 0.0)
    return adds | ({"disagreed": 1} if decision is not part.decision else {})


def _judged(decision: Decision, confidence: float, inference_ms: float) -> dict[str, int]:
    return {
        _COLUMN[decision]: 1,
        "time_us": round(inference_ms * 1000),
        "time_squares": round(inference_ms * inference_ms),
        f"ranks.{rank_bin(decision, confidence)}": 1,
    }


def _under(path: str, amounts: Mapping[str, int]) -> dict[str, int]:
    return {f"{path}.{name}": amount for name, amount in amounts.items() if amount}


def _summed(bins: Sequence[Bins]) -> Bins:
    sums: Bins = {}
    for each in bins:
        for number, count in each.items():
            sums[number] = sums.get(number, 0) + count
    return sums
