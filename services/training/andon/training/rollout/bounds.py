"""Whether a new version left its bounds, by more than chance explains."""

import math

from andon.contracts.inspection import Tally
from andon.contracts.rollout import Bounds
from andon.contracts.station import TrialRole
from andon.training.rollout.stability import stability

_Z = 3.2905
"""Two-sided, one of a thousand."""
_FALSE_ALARMS = 0.001
_FIRST_ERRORS = 3
_ALLOWED_MS = 20.0


def crossed(role: TrialRole, bounds: Bounds, new: Tally, old: Tally, *, ranked: bool = True) -> str | None:
    """Why the new version must go; None while it may stay. A shadow harms nobody but by failing to answer.

    `ranked` tells that both versions have good parts enough for ranks to mean the same.
    """
    if found := _errors(bounds, new):
        return found
    if role is TrialRole.SHADOW or min(new.parts, old.parts) < bounds.min_parts:
        return None
    found = _pass_rate(bounds, new, old) or _latency(bounds, new, old)
    return found or (_scores(bounds, new, old) if ranked else None)


def _errors(bounds: Bounds, new: Tally) -> str | None:
    asked = new.parts + new.errors
    if new.errors < _FIRST_ERRORS or _at_least(new.errors, asked) <= bounds.max_error_rate:
        return None
    return f"no answer about {new.errors} of {asked} parts (at most {bounds.max_error_rate:.1%})"


def _pass_rate(bounds: Bounds, new: Tally, old: Tally) -> str | None:
    # One part more of each kind: rates of 0 and 1 have a spread, too (Agresti and Caffo).
    rates = [(each.passed + 1) / (each.parts + 2) for each in (new, old)]
    spread = math.sqrt(
        sum(rate * (1 - rate) / (each.parts + 2) for rate, each in zip(rates, (new, old), strict=True))
    )
    if abs(rates[0] - rates[1]) - _Z * spread <= bounds.max_pass_rate_change:
        return None
    return (
        f"pass rate {new.pass_rate:.1%} of {new.parts} parts against {old.pass_rate:.1%} of {old.parts} "
        f"(at most {bounds.max_pass_rate_change:.0%} apart)"
    )


def _latency(bounds: Bounds, new: Tally, old: Tally) -> str | None:
    variance = max(0.0, new.time_squares / new.parts - new.mean_ms**2)
    surely = new.mean_ms - _Z * math.sqrt(variance / new.parts)
    if surely <= max(bounds.max_latency_ratio * old.mean_ms, old.mean_ms + _ALLOWED_MS):
        return None
    return (
        f"{new.mean_ms:.0f} ms a part against {old.mean_ms:.0f} (at most {bounds.max_latency_ratio:g} times)"
    )


def _scores(bounds: Bounds, new: Tally, old: Tally) -> str | None:
    found = stability(old.ranks, new.ranks, _FALSE_ALARMS)
    if not found.beyond(bounds.max_score_psi):
        return None
    return f"scores lie elsewhere: stability index {found.psi:.2f} (at most {bounds.max_score_psi:g})"


def _at_least(count: int, of: int) -> float:
    """Lower end of Wilson's interval of a rate."""
    rate, square = count / of, _Z * _Z / of
    middle = rate + square / 2
    spread = _Z * math.sqrt(rate * (1 - rate) / of + square / (4 * of))
    return (middle - spread) / (1 + square)
