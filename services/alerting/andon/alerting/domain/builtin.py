"""The rules that Andon comes with."""

from dataclasses import dataclass

from andon.contracts import config
from andon.contracts.alerting import (
    AlertRule,
    CameraSilent,
    ChannelFailing,
    Condition,
    Consecutive,
    Cusum,
    DeviceLost,
    DiskLow,
    Drifting,
    EvidenceFull,
    JobsFailed,
    Metric,
    ModelTakenBack,
    Per,
    Scope,
    Severity,
    Threshold,
    Variable,
)

PASS_RATE_LOW = "pass-rate-low"  # noqa: S105 - a rule's name
CHANNEL_FAILING = "channel-failing"


@dataclass(frozen=True)
class PassRate:
    """What the service was started with for the rule `pass-rate-low`."""

    target: float = 0.90
    window_minutes: int = 15
    minimum_parts: int = 20
    clear_margin: float = 0.02


def builtin(chosen: PassRate) -> dict[str, AlertRule]:
    """By id."""
    low = Threshold(
        metric=Metric.PASS_RATE,
        limit=chosen.target,
        clear_margin=chosen.clear_margin,
        window_minutes=chosen.window_minutes,
        minimum_parts=chosen.minimum_parts,
    )
    rules = (
        _rule(PASS_RATE_LOW, "Pass rate below threshold", low),
        _over_all("fail-rate-high", "High Defect Rate", _hourly(Metric.FAIL_RATE, 0.20, 0.02), unless=True),
        _over_all("latency-high", "High Inspection Latency", _hourly(Metric.LATENCY, 2000.0, 100.0)),
        _over_all(
            "errors-high", "System Errors", _hourly(Metric.ERROR_RATE, 0.10, 0.02), severity=Severity.CRITICAL
        ),
        _rule("defects-in-a-row", "Defects in a row", Consecutive(), severity=Severity.ERROR, enabled=False),
        _rule("score-shift", "Scores have shifted", Cusum(variable=Variable.SCORE), enabled=False),
        _rule("camera-silent", "Camera is silent", CameraSilent(), severity=Severity.ERROR, enabled=False),
        _rule("drift", "A station has drifted", Drifting()),
        _rule("rolled-back", "A model was taken back", ModelTakenBack(), severity=Severity.ERROR),
        _rule("device-lost", "Device lost", DeviceLost(), severity=Severity.ERROR),
        _rule("jobs-failed", "Jobs failed", JobsFailed()),
        _rule("disk-low", "Little disk space", DiskLow()),
        _rule("evidence-full", "Evidence storage is nearly full", EvidenceFull()),
        _rule(CHANNEL_FAILING, "Notifications can't be delivered", ChannelFailing(), severity=Severity.ERROR),
    )
    return {each.id: each for each in rules}


def configured(rule: AlertRule, document: config.Document | None) -> AlertRule:
    """`pass-rate-low` with what was chosen in the configuration since it was changed last."""
    condition = rule.condition
    if document is None or rule.id != PASS_RATE_LOW or not isinstance(condition, Threshold):
        return rule
    if rule.changed_at is not None and rule.changed_at.timestamp() >= document.order:
        return rule
    names = {
        "pass_rate_target": "limit",
        "window_minutes": "window_minutes",
        "minimum_parts": "minimum_parts",
    }
    chosen = document.chosen_in("alerting")
    changes = {name: chosen[theirs] for theirs, name in names.items() if theirs in chosen}
    return rule.model_copy(update={"condition": condition.model_copy(update=changes)})


def _rule(
    name: str,
    title: str,
    condition: Condition,
    *,
    severity: Severity = Severity.WARNING,
    enabled: bool = True,
) -> AlertRule:
    return AlertRule(
        id=name, title=title, condition=condition, severity=severity, enabled=enabled, builtin=True
    )


def _over_all(
    name: str,
    title: str,
    condition: Condition,
    *,
    severity: Severity = Severity.WARNING,
    unless: bool = False,
) -> AlertRule:
    rule = _rule(name, title, condition, severity=severity)
    others = (PASS_RATE_LOW,) if unless else ()
    return rule.model_copy(update={"scope": Scope(per=Per.ALL), "unless": others})


def _hourly(metric: Metric, limit: float, margin: float) -> Threshold:
    return Threshold(metric=metric, limit=limit, clear_margin=margin, window_minutes=60, minimum_parts=50)
