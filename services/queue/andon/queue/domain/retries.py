"""What follows a failure: whose fault it was decides which budget it is taken from."""

from datetime import timedelta

from andon.contracts.queue import AttemptOutcome, QueueSettings
from andon.queue.domain.record import Record

_FAULTS_OF_ITS_OWN = (AttemptOutcome.FAILED,)
_NO_FAULT = (AttemptOutcome.INFRASTRUCTURE, AttemptOutcome.LOST, AttemptOutcome.UNCONFIRMED)
_INFRASTRUCTURE_SHARE = 0.1


def retried(record: Record, outcome: AttemptOutcome) -> dict[str, int] | None:
    """The counters after another try; None when its budget is spent."""
    if outcome is AttemptOutcome.RELEASED:
        return {}
    if outcome in _NO_FAULT and record.infrastructure_retry_count < record.max_infrastructure_retries:
        return {"infrastructure_retry_count": record.infrastructure_retry_count + 1}
    if outcome in _FAULTS_OF_ITS_OWN and record.retry_count < record.max_retries:
        return {"retry_count": record.retry_count + 1}
    return None


def rest(record: Record, outcome: AttemptOutcome, settings: QueueSettings) -> timedelta:
    """How long it is not handed out before its next try: doubling with each failure of the kind."""
    own = outcome in _FAULTS_OF_ITS_OWN
    failures = record.retry_count if own else record.infrastructure_retry_count
    first = settings.retry_first_seconds * (1 if own else _INFRASTRUCTURE_SHARE)
    return timedelta(seconds=min(first * 2 ** min(failures, 30), settings.retry_longest_seconds))
