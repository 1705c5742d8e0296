"""Which parts are worth a person's look, and whether there is enough to learn from."""

from dataclasses import dataclass
from hashlib import sha256
from statistics import fmean

from andon.contracts.inspection import Decision, Detection, Inspection
from andon.contracts.review import Advice, Policy, Reason

LOW, HIGH, CLEAR = 0.3, 0.7, 0.3
"""Mean confidence below which, and above which, findings speak for themselves; and the lead of the first."""
READY, LABELED, RECENT, UNCERTAIN_SHARE = 10, 20, 50, 0.1
WINDOW = 100
"""Newest inspections that advice looks at."""
_NARROWEST = 0.05
"""Least width of the uncertain band, as a share of the fail limit: a band may have no width at all."""


def doubtful(detections: tuple[Detection, ...]) -> bool:
    """Whether findings need a look: not where there are none, or where they are clear.

    Clear means a mean confidence above 0.7 and a first that leads the second by more than 0.3; of one
    finding, its own confidence is its lead.
    """
    if not detections:
        return False
    scores = sorted((each.confidence for each in detections), reverse=True)
    mean = fmean(scores)
    if mean < LOW:
        return True
    lead = scores[0] - scores[1] if len(scores) > 1 else scores[0]
    return not (mean > HIGH and lead > CLEAR)


def borderline(part: Inspection, widths: float) -> bool:
    """Whether a decided part's score lies within so many band widths of the limit it is beyond."""
    band = max(part.fail_above - part.uncertain_above, _NARROWEST * abs(part.fail_above))
    match part.decision:
        case Decision.PASS:
            return part.anomaly_score > part.uncertain_above - widths * band
        case Decision.FAIL:
            return part.anomaly_score < part.fail_above + widths * band
        case Decision.UNCERTAIN:
            return False


def disputed(part: Inspection) -> bool:
    """Whether a version in the shadow decided something else."""
    return part.trial is not None and part.trial.decision not in {None, part.decision}


def drawn(part_id: str, share: float) -> bool:
    """Whether chance picks a part: the same for every repeat of it."""
    number = int.from_bytes(sha256(f"audit:{part_id}".encode()).digest()[:8])
    return number < share * 2**64


def reasons(part: Inspection, policy: Policy) -> tuple[Reason, ...]:
    """Why a part is worth a look, from its record alone; none is the rule."""
    found = {
        Reason.UNCERTAIN: part.decision is Decision.UNCERTAIN,
        Reason.BORDERLINE: borderline(part, policy.borderline),
        Reason.DOUBTFUL: doubtful(part.detections),
        Reason.DISAGREEMENT: disputed(part),
        Reason.AUDIT: drawn(part.id, policy.audit_share),
    }
    return tuple(reason for reason, holds in found.items() if holds)


@dataclass(frozen=True)
class Room:
    """What a station's queue holds already."""

    pending: int
    asked: int
    """New items of the last hour beside audits."""
    audits: int
    """New audits of the last hour."""

    def wanted(self, why: tuple[Reason, ...], policy: Policy) -> tuple[Reason, ...]:
        """The reasons that there is still room for."""
        if self.pending >= policy.most_pending:
            return ()
        audit_fits, other_fits = self.audits < policy.audits_per_hour, self.asked < policy.per_hour
        return tuple(each for each in why if (audit_fits if each is Reason.AUDIT else other_fits))


def advice(labeled: int, decisions: list[Decision]) -> Advice:
    """Whether a retraining is worth it, by what was labeled and by the newest inspections."""
    recent = len(decisions)
    share = decisions.count(Decision.UNCERTAIN) / recent if recent else 0.0
    needs = {
        f"{LABELED - labeled} more labeled parts": labeled >= LABELED,
        f"{RECENT - recent} more inspections": recent >= RECENT,
        f"uncertain parts: {share:.0%} of the last {recent}, from {UNCERTAIN_SHARE:.0%} on": share
        >= UNCERTAIN_SHARE,
    }
    waiting = tuple(what for what, met in needs.items() if not met)
    return Advice(
        labeled=labeled,
        dataset_ready=labeled >= READY,
        recent=recent,
        uncertain_share=share,
        retrain=not waiting,
        waiting_for=waiting,
    )
