"""Tells the queue how an attempt goes: in order, and again until it is heard."""

import asyncio
from dataclasses import dataclass, field

from andon.contracts import Conflict, NotFound, Problem, RateLimited, Refused, Unavailable
from andon.contracts.queue import REPORT, Failure, Report, Reported, Stage
from andon.messaging import Service
from andon.telemetry import log

_log = log("andon.agent")
_AGAIN = (0.1, 0.3, 1.0, 3.0)
_ASK_SECONDS = 10.0


class LeaseOver(Exception):
    """The job is somebody else's now, or over: what was done here counts no more."""


@dataclass
class Telling:
    """Of one attempt: one report at a time."""

    bus: Service
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tell(self, report: Report) -> Reported:
        """However long the network is away. Raises LeaseOver."""
        async with self._lock:
            for tries in range(1_000_000_000):
                try:
                    return await self.bus.ask(REPORT, report, timeout=_ASK_SECONDS)
                except (Unavailable, RateLimited):
                    await asyncio.sleep(_AGAIN[min(tries, 3)])
                except (Conflict, NotFound) as refused:
                    if is_over(refused.problem):
                        raise LeaseOver(str(refused)) from refused
                    await asyncio.sleep(_AGAIN[min(tries, 3)])
                except Refused as refused:
                    _log.error("a report was refused", job=report.job_id, reason=str(refused))
                    report = _plainer(report, refused)
        raise AssertionError  # nobody lives that long


def is_over(problem: Problem) -> bool:
    """Whether a report was refused because the lease is over; other conflicts are worth another try."""
    return problem.code == NotFound.code or "token" in problem.fields


def _plainer(report: Report, refused: Refused) -> Report:
    """What can be said when what should be said is refused, such as a report that is too large."""
    if report.stage is None or report.stage not in (Stage.SUCCEEDED, Stage.FAILED, Stage.STOPPED):
        return Report(job_id=report.job_id, token=report.token, stage=report.stage)
    return Report(
        job_id=report.job_id,
        token=report.token,
        stage=Stage.FAILED,
        failure=Failure.FINAL,
        exit_code=report.exit_code,
        reason="report_refused",
        message=f"its end could not be told: {refused}"[:1000],
    )
