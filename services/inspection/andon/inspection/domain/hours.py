"""Hours as figures that can be added up."""

from andon.contracts.inspection import HourFigures
from andon.inspection.domain import tallies
from andon.inspection.domain.rollups import Rollup

_NEAR = tallies.OCTAVE // 2
"""Bins below the limit that are called near it."""


def figures(row: Rollup) -> HourFigures:
    """One station's hour."""
    scores = tallies.total(tallies.tally(section) for section in row.versions.values()).scores
    placed = {number: count for number, count in scores.items() if number > 0 and count > 0}
    middles = ((number - tallies.AT_LIMIT + 0.5) / tallies.OCTAVE * count for number, count in placed.items())
    near = range(tallies.AT_LIMIT - _NEAR, tallies.AT_LIMIT)
    return HourFigures(
        station_id=row.station_id,
        hour=row.hour,
        total=row.total,
        passed=row.passed,
        failed=row.failed,
        uncertain=row.uncertain,
        time_ms=row.time_us / 1000,
        defects={name: count for name, count in sorted(row.classes.items()) if count > 0},
        scored=sum(placed.values()),
        score_octaves=round(sum(middles), 4),
        near=sum(placed.get(number, 0) for number in near),
    )
