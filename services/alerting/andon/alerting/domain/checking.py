"""Whether a rule can do what it is there for: one that never or always fires is refused at saving."""

from collections.abc import Collection, Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from andon.alerting.domain.builtin import CHANNEL_FAILING, PASS_RATE_LOW
from andon.alerting.domain.shifts import longest_seconds
from andon.alerting.domain.verdicts import RATES
from andon.contracts import rollout
from andon.contracts.alerting import (
    CameraSilent,
    ChannelFailing,
    Consecutive,
    Cusum,
    Drifting,
    Metric,
    ModelTakenBack,
    Per,
    RuleBody,
    Scope,
    Severity,
    Side,
    Threshold,
    Variable,
    WesternElectric,
)

_SEVERITIES = tuple(Severity)
_BEYOND = {1: 3.0, 2: 2.0, 3: 1.0, 4: 0.0}

_OVER_PARTS = (Threshold, Consecutive, WesternElectric, Cusum, CameraSilent, Drifting, ModelTakenBack)
_MEASURES = frozenset(each.value for each in rollout.Measure)

Wrong = dict[str, str]
"""What is wrong with which field."""


def contradictions(rule_id: str, rule: RuleBody, rules: Collection[str], channels: Collection[str]) -> Wrong:
    """Why a rule can't be: empty where it can. Knows the other rules' and the channels' ids."""
    wrong = _strangers(rule_id, rule, rules, channels) | _schedule(rule) | _escalation(rule) | _kind(rule)
    condition = rule.condition
    if not isinstance(condition, _OVER_PARTS) and rule.scope != Scope():
        wrong["scope"] = "is for rules over parts; this kind has a filter of its own"
    if rule_id == PASS_RATE_LOW and getattr(condition, "metric", None) is not Metric.PASS_RATE:
        wrong["condition.metric"] = "this rule is also the configuration's pass rate: make another one"
    if isinstance(condition, ChannelFailing) and rule_id != CHANNEL_FAILING:
        wrong["condition.kind"] = f"there is one rule about channels: {CHANNEL_FAILING}"
    always = isinstance(condition, ChannelFailing) and rule.enabled and not rule.schedule and not rule.unless
    if rule_id == CHANNEL_FAILING and not always:
        wrong["enabled"] = f"{CHANNEL_FAILING} always holds: else nobody would hear that nobody hears"
    return wrong


def _kind(rule: RuleBody) -> Wrong:
    """What is wrong with a condition of its kind."""
    condition = rule.condition
    match condition:
        case Threshold():
            return _threshold(condition) or _modelless(rule)
        case WesternElectric() | Cusum():
            return _chart(condition)
        case CameraSilent():
            return _silence(rule, condition) | _modelless(rule)
        case Drifting() if unknown := set(condition.measures) - _MEASURES:
            return {"condition.measures": f"can never fire: there is no measure {min(unknown)}"}
        case _:
            return {}


def _silence(rule: RuleBody, condition: CameraSilent) -> Wrong:
    shifts = rule.schedule if rule.schedule and _zone(rule.schedule.zone) else None
    if shifts is not None and longest_seconds(shifts) <= condition.seconds:
        return {"condition.seconds": "can never fire: no shift is so long"}
    return {}


def remarks(rule: RuleBody, lines: Mapping[str, str]) -> tuple[str, ...]:
    """What is odd of a rule's scope, by the stations that there are (each with its line)."""
    scope = rule.scope
    said = [f"there is no station {name} yet" for name in scope.stations if lines and name not in lines]
    said += [f"no station is on line {name} yet" for name in scope.lines if name not in lines.values()]
    taken = [
        name
        for name, line in lines.items()
        if (not scope.stations or name in scope.stations) and (not scope.lines or line in scope.lines)
    ]
    if lines and not taken and not said:
        said.append("it can never fire as it is: no station is in its scope")
    if not rule.enabled:
        said.append("it is switched off")
    return tuple(said)


def _strangers(rule_id: str, rule: RuleBody, rules: Collection[str], channels: Collection[str]) -> Wrong:
    wrong: Wrong = {}
    if rule_id in rule.unless:
        wrong["unless"] = "it names itself"
    elif unknown := [name for name in rule.unless if name not in rules]:
        wrong["unless"] = f"there is no rule {unknown[0]}"
    named = {"channels": rule.channels} | {
        f"escalation.{number}.channels": step.channels for number, step in enumerate(rule.escalation)
    }
    for where, names in named.items():
        if unknown := [name for name in names if name not in channels]:
            wrong[where] = f"there is no channel {unknown[0]}"
    return wrong


def _threshold(condition: Threshold) -> Wrong:
    limit, metric = condition.limit, condition.metric
    if condition.class_name and metric is not Metric.FAIL_RATE:
        return {"condition.class_name": "is for fail_rate alone"}
    why = ""
    if metric is Metric.PASS_RATE and limit <= 0:
        why = "can never fire: no pass rate is below 0"
    elif metric is Metric.PASS_RATE and limit > 1:
        why = "would always fire: every pass rate is below it (1 is all parts)"
    elif metric is not Metric.PASS_RATE and limit < 0:
        why = f"would always fire: {metric.value} is never below 0"
    elif metric in RATES and metric is not Metric.PASS_RATE and limit >= 1:
        why = "can never fire: no share is above 1, which is all parts"
    return {"condition.limit": why} if why else {}


def _modelless(rule: RuleBody) -> Wrong:
    """Frames that do not come, or could not be judged, have no model."""
    metric = getattr(rule.condition, "metric", Metric.ERROR_RATE)
    if metric is not Metric.ERROR_RATE or (not rule.scope.models and rule.scope.per is not Per.MODEL):
        return {}
    return {"scope": "can never fire: what was not judged has no model"}


def _chart(condition: WesternElectric | Cusum) -> Wrong:
    if (condition.centre is None) != (condition.sigma is None):
        return {"condition.sigma": "centre and sigma are given together or not at all"}
    if condition.centre is None or condition.sigma is None:
        return {}
    most = 1.0 if condition.variable is Variable.FAIL_RATE else None
    least = None if condition.variable is Variable.SCORE else 0.0
    tests = () if isinstance(condition, Cusum) else condition.tests
    needed = condition.slack if isinstance(condition, Cusum) else min(_BEYOND[each] for each in tests)
    up = most is None or condition.centre + needed * condition.sigma < most
    down = least is None or condition.centre - needed * condition.sigma > least
    reached = {Side.UPPER: up, Side.LOWER: down, Side.BOTH: up or down}[condition.side]
    if not reached:
        return {"condition.centre": "can never fire: no point can be that far from the centre"}
    return {}


def _schedule(rule: RuleBody) -> Wrong:
    if rule.schedule is not None and not _zone(rule.schedule.zone):
        return {"schedule.zone": f"there is no time zone {rule.schedule.zone}"}
    return {}


def _zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):  # a folder of the data, no name, or unknown
        return False
    return True


def _escalation(rule: RuleBody) -> Wrong:
    wrong: Wrong = {}
    before, severity = 0, rule.severity
    for number, step in enumerate(rule.escalation):
        if step.after_minutes <= before:
            wrong[f"escalation.{number}.after_minutes"] = "steps come one after the other"
        raised = step.severity is not None and _SEVERITIES.index(step.severity) > _SEVERITIES.index(severity)
        if not raised and not step.channels:
            wrong[f"escalation.{number}"] = "changes nothing: it raises no severity and tells no channel"
        before = step.after_minutes
        severity = step.severity if raised and step.severity else severity
    return wrong
