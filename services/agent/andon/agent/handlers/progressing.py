"""Tells the queue how far jobs are: all that have news, once a second, in one round trip."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from andon.agent.handlers.attempt import Attempt
from andon.agent.handlers.telling import is_over
from andon.contracts import Refused
from andon.contracts.queue import REPORT_MANY, Progress, Report, ReportMany, ReportResult
from andon.messaging import Service
from andon.telemetry import log

_log = log("andon.agent")
_EVERY_SECONDS = 1.0
_ASK_SECONDS = 10.0
_MANY = 256


@dataclass
class Progressing:
    bus: Service

    async def keep_telling(self, active: Callable[[], Sequence[Attempt]]) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            news = [(each, progress) for each in active() if (progress := each.progress()) is not None]
            for at in range(0, len(news), _MANY):
                await self._tell(news[at : at + _MANY])

    async def _tell(self, news: Sequence[tuple[Attempt, Progress]]) -> None:
        reports = tuple(_report(attempt, progress) for attempt, progress in news)
        try:
            told = await self.bus.ask(REPORT_MANY, ReportMany(reports=reports), timeout=_ASK_SECONDS)
        except Refused as refused:
            _log.debug("progress is not told", reason=str(refused))
            for attempt, _ in news:
                attempt.tell_again()
            return
        for (attempt, _), result in zip(news, told.results, strict=False):
            _heed(attempt, result)


def _report(attempt: Attempt, progress: Progress) -> Report:
    token = attempt.grant.lease.token
    return Report(job_id=attempt.job_id, token=token, progress=progress, checkpoint=attempt.checkpoint())


def _heed(attempt: Attempt, result: ReportResult) -> None:
    if result.done is not None:
        attempt.wishes.heed(stop=result.done.stop_requested, pause=result.done.pause_requested)
    elif result.problem is not None and is_over(result.problem) and not attempt.telling_end:
        attempt.wishes.revoke()
