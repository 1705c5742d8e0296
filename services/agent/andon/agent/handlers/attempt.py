"""The life of one attempt, from its lease to its last report; it can be taken up wherever it was left."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from andon.agent.adapters.errands import Errands
from andon.agent.adapters.keepers import Keepers
from andon.agent.domain.ending import Ended, Left, last_report, progress_of
from andon.agent.domain.starting import CannotPrepare
from andon.agent.handlers.collecting import Collected, Collecting
from andon.agent.handlers.preparing import Preparing
from andon.agent.handlers.shipping import Shipping, ship_patiently
from andon.agent.handlers.syncing import Syncing
from andon.agent.handlers.telling import LeaseOver, Telling
from andon.agent.handlers.watching import Watching
from andon.agent.handlers.wishes import Wishes
from andon.agent.store.attempts import AttemptFolder
from andon.contracts import Unavailable
from andon.contracts.queue import Failure, Grant, HeldLease, Progress, Report, Stage
from andon.messaging import Service
from andon.storage import Blobs
from andon.telemetry import log

_log = log("andon.agent")

_LOOK_SECONDS = 0.5
_SHIP_SECONDS = 1.0
_LAST_WORDS = 4096


@dataclass(frozen=True)
class Tools:
    """What all attempts of an agent share."""

    bus: Service
    blobs: Blobs
    keepers: Keepers
    preparing: Preparing
    collecting: Collecting
    errands: Errands | None
    """None: it was given no gateway."""
    patience: float
    """Seconds that a store may be away when outputs are collected."""
    stop_patience: float = 30
    """The same for a job that was stopped: somebody waits for it."""


@dataclass(eq=False)
class Attempt:
    folder: AttemptFolder
    grant: Grant
    tools: Tools
    wishes: Wishes = field(default_factory=Wishes)
    telling_end: bool = False
    """Only its last report is left to be told."""
    _telling: Telling = field(init=False)
    _shipping: Shipping = field(init=False)
    _syncing: Syncing = field(init=False)
    _watching: Watching = field(init=False)
    _marks_told: int = 0
    _said: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self._telling = Telling(self.tools.bus)
        self._shipping = Shipping(self.tools.blobs, self.folder, self.grant)
        self._syncing = Syncing(self.tools.errands, self.folder, self.grant)
        self._watching = Watching(self.folder, self.grant, self.tools.keepers, self.wishes, self._say)

    @property
    def name(self) -> str:
        return self.folder.path.name

    @property
    def job_id(self) -> str:
        return self.grant.job.id

    def held(self) -> HeldLease:
        """As a heartbeat names it."""
        marks = self.folder.marks()
        return HeldLease(
            job_id=self.job_id,
            token=self.grant.lease.token,
            progress=None if marks is None else progress_of(marks),
            checkpoint=self.checkpoint(),
            logs=self._shipping.refs(),
        )

    def progress(self) -> Progress | None:
        """What the job said of itself, where that was not told yet."""
        marks = self.folder.marks()
        if marks is None or marks["count"] == self._marks_told:
            return None
        self._marks_told = marks["count"]
        return progress_of(marks)

    def tell_again(self) -> None:
        """What was told of its progress did not arrive."""
        self._marks_told = 0

    def checkpoint(self) -> dict[str, Any] | None:
        """Where another attempt may go on, as the job last said."""
        marks = self.folder.marks()
        return None if marks is None else marks.get("checkpoint")

    async def live(self) -> None:
        """To its end. Raises OSError when the disk won't even take its last report."""
        try:
            final = await asyncio.to_thread(self.folder.final)
            if final is None:
                final = await self._to_the_end()
                await asyncio.to_thread(self._write, final)
            self.telling_end = True
            await self._telling.tell(final)
            _log.info("told", job=self.job_id, attempt=self.grant.lease.attempt, stage=final.stage)
        except LeaseOver as reason:
            self.wishes.over = True
            _log.warning("the lease is over", job=self.job_id, reason=str(reason))
            await self._watching.end()
            await asyncio.to_thread(self.tools.preparing.finish, self.folder)
        finally:
            if self._said is not None:
                self._said.cancel()
        self.folder.close()

    def _write(self, final: Report) -> None:
        """A disk that is full of what the job wrote is no reason not to tell of its end."""
        try:
            self.folder.write_final(final)
        except OSError:
            self.folder.empty()
            self.folder.write_final(final)

    async def _to_the_end(self) -> Report:
        if not self.folder.prepared:
            refused = await self._prepared()
            if refused is not None:
                return refused
        ended = await self._run()
        await self._all_said()
        if self.wishes.over:
            raise LeaseOver("it was given to another")
        return last_report(self.grant, ended, await self._left(ended))

    async def _prepared(self) -> Report | None:
        """None when the job can start; else what to say. Nothing starts before the lease is confirmed."""
        await self._tell(Stage.PREPARING)
        work = asyncio.ensure_future(self.tools.preparing.prepare(self.folder, self.grant))
        try:
            while not work.done():
                if self.wishes.end:
                    return self._never_started()
                await self.wishes.wait(_LOOK_SECONDS, work)
            start, record = work.result()
        except CannotPrepare as refused:
            return self._report(
                Stage.FAILED, reason=refused.reason, message=str(refused)[:4096], failure=refused.failure
            )
        finally:
            work.cancel()
            await asyncio.wait([work])
        await asyncio.to_thread(self.folder.write_record, record)
        await asyncio.to_thread(self.folder.write_start, start)
        return None

    def _never_started(self) -> Report:
        if self.wishes.over:
            raise LeaseOver("it was given to another")
        return self._report(Stage.STOPPED if self.wishes.stop else Stage.RELEASED)

    async def _run(self) -> Ended:
        sending = [asyncio.ensure_future(each) for each in (self._ship(), self._syncing.keep())]
        try:
            try:
                return await self._watching.run()
            finally:
                for each in sending:
                    each.cancel()
                await asyncio.wait(sending)
        except asyncio.CancelledError:
            self._syncing.end()
            raise

    async def _left(self, ended: Ended) -> Left:
        wanted = self.grant.job.spec.outputs
        starved = await asyncio.to_thread(self.tools.preparing.finish, self.folder)
        patience = self.tools.stop_patience if ended.stopped else self.tools.patience
        collected = Collected()
        if wanted and not ended.dropped and not ended.error and not ended.overfull:
            await self._tell(Stage.COLLECTING)
            collected = await self.tools.collecting.collect(self.folder, self.grant, patience)
        await ship_patiently(self._shipping, patience)
        unsynced = "" if ended.dropped or ended.overfull else await self._syncing.finish(patience)
        if ended.overfull:
            await asyncio.to_thread(self.folder.empty)
        marks = self.folder.marks() or {}
        said = self.folder.tail("stdout", _LAST_WORDS)
        return Left(
            outputs=collected.outputs,
            missing=collected.missing,
            trouble=collected.trouble or unsynced,
            logs=self._shipping.refs(),
            progress=progress_of(marks) if marks else None,
            checkpoint=marks.get("checkpoint"),
            starved=starved,
            last_words=self.folder.tail("stderr", _LAST_WORDS) or said,
            last_said=said,
        )

    async def _ship(self) -> None:
        while True:
            with suppress(Unavailable):
                await self._shipping.ship()
            await asyncio.sleep(_SHIP_SECONDS)

    async def _tell(self, stage: Stage) -> None:
        reported = await self._telling.tell(self._report(stage))
        self.wishes.heed(stop=reported.stop_requested, pause=reported.pause_requested)

    def _say(self, stage: Stage, pid: int | None) -> None:
        """Told in order, but nothing waits for it: the process runs on while the network is away."""
        before, report = self._said, self._report(stage, pid=pid)
        if pid is not None:
            report = report.model_copy(update={"record": self.folder.record()})

        async def say() -> None:
            if before is not None:
                await before
            try:
                reported = await self._telling.tell(report)
            except LeaseOver:
                self.wishes.revoke()
            else:
                self.wishes.heed(stop=reported.stop_requested, pause=reported.pause_requested)

        self._said = asyncio.ensure_future(say())

    async def _all_said(self) -> None:
        if self._said is not None:
            await self._said

    def _report(
        self,
        stage: Stage,
        *,
        pid: int | None = None,
        reason: str = "",
        message: str = "",
        failure: Failure = Failure.TASK,
    ) -> Report:
        return Report(
            job_id=self.job_id,
            token=self.grant.lease.token,
            stage=stage,
            pid=pid,
            reason=reason,
            message=message,
            failure=failure,
        )
