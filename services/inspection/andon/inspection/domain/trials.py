"""Which of a station's two models judges a part, which one steps in, and which one only watches."""

from dataclasses import dataclass, replace

from andon.contracts.inspection import Decision, Trialled
from andon.contracts.station import Station, Trial, TrialRole
from andon.inspection.domain.judgement import Verdict, drawn
from andon.inspection.domain.rule import Rule, rule_of


@dataclass(frozen=True)
class Plan:
    """Who is asked about one part."""

    judge: Rule
    instead: Rule | None = None
    """Judges when the first gives no answer."""
    silent: Rule | None = None
    """Asked beside; what it says changes nothing."""
    trial: Trial | None = None
    new_version: str = ""
    """The version on trial."""
    new_judges: bool = False


def plan_of(station: Station, part: str) -> Plan | None:
    """None while the station has no model. The same part is judged by the same model all through a trial."""
    rule = rule_of(station)
    if rule is None:
        return None
    trial = station.trial
    if trial is None:
        return Plan(rule)
    other = replace(rule, model=trial.model, limits=trial.thresholds)
    new = trial.model.version_id
    if trial.role is TrialRole.WATCH:
        return Plan(rule, other, None, trial, rule.model.version_id, new_judges=True)
    if trial.role is TrialRole.SHADOW:
        return Plan(rule, None, other, trial, new)
    if drawn(f"{trial.rollout_id}/{part}", trial.share):
        return Plan(other, rule, None, trial, new, new_judges=True)
    return Plan(rule, None, None, trial, new)


@dataclass(frozen=True)
class Opinion:
    """What a silent model said, or why it did not."""

    score: float | None = None
    verdict: Verdict | None = None
    inference_ms: float | None = None
    error: str | None = None


def trialled(plan: Plan, judged_by: Rule, error: str | None, silent: Opinion | None) -> Trialled | None:
    """What the record tells of the trial; `error` is why the planned judge gave no answer."""
    if plan.trial is None:
        return None
    told = Trialled(
        rollout_id=plan.trial.rollout_id,
        role=plan.trial.role,
        version_id=plan.new_version,
        by_new=plan.new_judges and judged_by is plan.judge,
        error=error,
    )
    if silent is None:
        return told
    verdict = silent.verdict
    return told.model_copy(
        update={
            "decision": verdict and verdict.decision,
            "anomaly_score": silent.score,
            "confidence": verdict and verdict.confidence,
            "inference_ms": silent.inference_ms,
            "error": silent.error,
        }
    )


def rank(decision: Decision, confidence: float) -> float:
    """The p-value behind a confidence: the share of good parts that score at least as high."""
    return 1 - confidence if decision is Decision.FAIL else confidence
