"""Whose turn it is: urgent first, first come first served among equals, and nobody waits for ever.

A job's rank is the moment it was queued, earlier by `ageing_seconds` for every point of its priority. The
lowest rank goes first. So among equals the first to come is served first; a job that is p points more urgent
goes before all that came up to p times `ageing_seconds` earlier; and whoever waits longer than that goes
first. All ages grow alike, so the order of two jobs never changes with time and can be kept in an index.
"""

from datetime import datetime

from andon.contracts.queue import QueueSettings
from andon.queue.domain.ids import micros

_NEVER = 10**16
"""Microseconds a point is worth without ageing: more than any wait, and 100 of them fit into 64 bits."""


def rank_of(queued_at: datetime, priority: int, settings: QueueSettings) -> int:
    if not settings.priority_scheduling:
        return micros(queued_at)
    worth = int(settings.ageing_seconds * 1_000_000) or _NEVER
    return micros(queued_at) - priority * worth
