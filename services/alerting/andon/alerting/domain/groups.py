"""Alerts put together by their rule: a flood of them is a few lines to look at."""

from collections import defaultdict
from collections.abc import Iterable

from andon.alerting.domain.lifecycle import Record
from andon.contracts.alerting import AlertGroup, AlertState, Severity

SHOWN = 50
"""Subjects that a group names."""

_SEVERITIES = tuple(Severity)


def grouped(records: Iterable[Record]) -> tuple[AlertGroup, ...]:
    """Of what is not over. Worst first, then those with most that is open."""
    rules: dict[str, list[Record]] = defaultdict(list)
    for each in records:
        if each.state is not AlertState.RESOLVED:
            rules[each.rule].append(each)
    return tuple(sorted((_group(each) for each in rules.values()), key=_weight, reverse=True))


def _group(records: list[Record]) -> AlertGroup:
    newest_first = sorted(records, key=lambda one: one.timestamp, reverse=True)
    seen = sorted(newest_first, key=_is_seen)
    unseen = sum(not _is_seen(each) for each in records)
    return AlertGroup(
        rule=records[0].rule,
        title=newest_first[0].title,
        severity=max((each.severity for each in records), key=_SEVERITIES.index),
        open=unseen,
        acknowledged=len(records) - unseen,
        subjects=tuple(each.subject for each in seen[:SHOWN]),
        began_at=newest_first[-1].timestamp,
        latest_at=newest_first[0].timestamp,
    )


def _is_seen(record: Record) -> bool:
    return record.state is AlertState.ACKNOWLEDGED


def _weight(group: AlertGroup) -> tuple[int, int, int]:
    return (_SEVERITIES.index(group.severity), group.open, group.acknowledged)
