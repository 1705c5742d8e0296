"""The agent: says that it lives, asks for work, and runs what it gets side by side."""

import asyncio
import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from andon.agent.adapters.keepers import Order
from andon.agent.adapters.machine import Machine
from andon.agent.handlers.attempt import Attempt, Tools
from andon.agent.handlers.disk import DiskWatch
from andon.agent.handlers.progressing import Progressing
from andon.agent.handlers.tidying import Tidying
from andon.agent.store.attempts import AttemptFolder, Attempts
from andon.contracts import Conflict, Message, NotFound, Refused
from andon.contracts.queue import (
    HEARTBEAT,
    LEASE,
    DeviceHeartbeat,
    Grant,
    HeartbeatAnswer,
    JobSignalled,
    LeaseJobs,
    Signal,
)
from andon.messaging import Delivery
from andon.telemetry import log

_log = log("andon.agent")
_WAIT_SECONDS = 5.0
"""Of one ask for work. Short, since what an agent that died had asked for is given to it all the same."""
_REPLY_SECONDS = 5.0
_ASK_SECONDS = 10.0
_FIRST_HEARTBEAT_SECONDS = 10.0
_AGAIN = (0.1, 0.3, 1.0, 3.0)
_DISK_SECONDS = 5.0
_AT_ONCE = 16
"""Jobs of one lease at most: what one agent takes another can't have."""


@dataclass(frozen=True)
class Identity:
    """What this agent is to the queue."""

    name: str
    labels: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    slots: int = 1


class NameTaken(Refused):
    """Another agent speaks under this one's name."""

    code, status = "name_taken", 409


@dataclass(eq=False)
class Agent:
    identity: Identity
    tools: Tools
    attempts: Attempts
    machine: Machine
    tidying: Tidying
    once: bool = False
    """Take one job, and be finished when it has ended."""
    session: str = field(default_factory=lambda: secrets.token_hex(8))
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    _running: dict[str, tuple[Attempt, "asyncio.Task[None]"]] = field(
        default_factory=dict[str, tuple[Attempt, "asyncio.Task[None]"]]
    )
    _registered: asyncio.Event = field(default_factory=asyncio.Event)
    _beat_now: asyncio.Event = field(default_factory=asyncio.Event)
    _room: asyncio.Event = field(default_factory=asyncio.Event)
    _leaving: bool = False
    _taken: int = 0
    _conflicts: int = 0
    _heartbeat_seconds: float = _FIRST_HEARTBEAT_SECONDS

    def take_up(self) -> None:
        """Go on with what another life of this agent left; their processes may have run on all the while."""
        for folder, grant in self.attempts.open():
            _log.info("taken up", job=grant.job.id, attempt=grant.lease.attempt)
            self._taken += 1
            self._begin(folder, grant)

    async def work(self) -> None:
        """Until cancelled; the processes of its jobs don't end with it. Raises NameTaken."""
        self.take_up()
        loops = (
            self._beat(),
            self._lease(),
            Progressing(self.tools.bus).keep_telling(lambda: self.active),
            DiskWatch(self.tidying).keep_watch(lambda: self.active),
            self.tidying.keep_tidy(),
        )
        tasks = [asyncio.ensure_future(each) for each in loops]
        try:
            await asyncio.gather(*tasks)
        finally:
            running = [task for _, task in self._running.values()]
            for task in (*tasks, *running):
                task.cancel()
            await asyncio.gather(*tasks, *running, return_exceptions=True)
            self.tools.keepers.close()

    async def signalled(self, signal: Message, _: Delivery) -> None:
        """A job is to stop, to pause or to go on, told at once; heartbeats tell it again."""
        assert isinstance(signal, JobSignalled)  # noqa: S101 - nothing else is followed
        for attempt in self._of(signal.job_id):
            if signal.device != self.identity.name or attempt.grant.lease.attempt != signal.attempt:
                continue
            if signal.signal is Signal.REVOKE:
                attempt.wishes.revoke()
            elif signal.signal is Signal.STOP:
                attempt.wishes.heed(stop=True, pause=attempt.wishes.pause)
            else:
                attempt.wishes.heed(stop=False, pause=signal.signal is Signal.PAUSE)

    def heard(self, name: str) -> None:
        """A keeper has news of this attempt."""
        if name in self._running:
            self._running[name][0].wishes.news.set()

    async def leave(self, *, end_jobs: bool, patience: float) -> None:
        """Take nothing more; with `end_jobs` its jobs are ended and given back, at most so many seconds."""
        self._leaving = True
        if end_jobs and self._running:
            for attempt, _ in self._running.values():
                attempt.wishes.drop()
            await asyncio.wait([task for _, task in self._running.values()], timeout=patience)
        with contextlib.suppress(Refused):
            await self._beat_once()

    @property
    def active(self) -> Sequence[Attempt]:
        return [attempt for attempt, _ in self._running.values()]

    def _begin(self, folder: AttemptFolder, grant: Grant) -> None:
        attempt = Attempt(folder, grant, self.tools)
        task = asyncio.ensure_future(self._live(attempt))
        self._running[attempt.name] = (attempt, task)
        task.add_done_callback(lambda done: self._ended(attempt, done))

    async def _live(self, attempt: Attempt) -> None:
        while True:
            try:
                await attempt.live()
            except OSError as error:
                _log.error("the disk fails", job=attempt.job_id, reason=str(error))
                await self.tidying.make_room()
                await asyncio.sleep(_DISK_SECONDS)
            else:
                return

    def _ended(self, attempt: Attempt, done: "asyncio.Task[None]") -> None:
        self._running.pop(attempt.name, None)
        self._room.set()
        if self.once and self._taken and not self._running:
            self.finished.set()
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.error("an attempt broke down", job=attempt.job_id, exc_info=error)
            self.tools.keepers.order(
                attempt.folder.path, Order.END
            )  # the queue hears nothing of it, and goes on

    def _of(self, job_id: str) -> list[Attempt]:
        return [attempt for attempt in self.active if attempt.job_id == job_id]

    async def _beat(self) -> None:
        tries = 0
        while True:
            try:
                await self._beat_once()
            except Refused as refused:
                _log.warning("no heartbeat", reason=str(refused))
                await asyncio.sleep(_AGAIN[min(tries, 3)])
                tries += 1
                continue
            tries = 0
            self._registered.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._beat_now.wait(), self._heartbeat_seconds)
            self._beat_now.clear()

    async def _beat_once(self) -> None:
        facts = await asyncio.to_thread(self.machine.facts, self.tidying.reserve)
        held = self.active
        beat = DeviceHeartbeat(
            id=self.identity.name,
            session=self.session,
            facts=facts,
            queues=self.identity.queues,
            labels=self.identity.labels,
            slots=0 if self._leaving or facts.disk_free == 0 else self.identity.slots,
            leases=tuple(attempt.held() for attempt in held),
        )
        self._heed(held, await self.tools.bus.ask(HEARTBEAT, beat, timeout=_ASK_SECONDS))

    def _heed(self, held: Sequence[Attempt], answer: HeartbeatAnswer) -> None:
        self._heartbeat_seconds = answer.heartbeat_seconds
        by_job = {attempt.job_id: attempt for attempt in held}
        for state in answer.leases:
            attempt = by_job.get(state.job_id)
            if attempt is None or attempt.telling_end:
                continue  # its last report finds out by itself
            if state.held:
                attempt.wishes.heed(stop=state.stop_requested, pause=state.pause_requested)
            else:
                attempt.wishes.revoke()

    async def _lease(self) -> None:
        await self._registered.wait()
        tries = 0
        while not self._leaving:
            count = self._wanted()
            if count == 0 or not await self.tidying.has_room():
                self._room.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._room.wait(), _DISK_SECONDS)
                continue
            try:
                await self._take(count)
            except (Conflict, NotFound) as refused:
                await self._register_again(refused)
            except Refused as refused:
                _log.warning("no work can be asked for", reason=str(refused))
                await asyncio.sleep(_AGAIN[min(tries, 3)])
                tries += 1
            else:
                tries = self._conflicts = 0

    def _wanted(self) -> int:
        if self.once:
            return 1 if not self._taken and not self._running else 0
        return min(max(self.identity.slots - len(self._running), 0), _AT_ONCE)

    async def _take(self, count: int) -> None:
        ask = LeaseJobs(
            device=self.identity.name,
            session=self.session,
            count=count,
            queues=self.identity.queues,
            kinds=self.identity.kinds,
            wait_seconds=_WAIT_SECONDS,
        )
        leased = await self.tools.bus.ask(LEASE, ask, timeout=_WAIT_SECONDS + _REPLY_SECONDS)
        for grant in leased.grants:
            try:
                folder = await asyncio.to_thread(self.attempts.keep, grant)
            except OSError as error:  # not confirmed: the queue hands it to another
                _log.error("a lease can't be kept", job=grant.job.id, reason=str(error))
                continue
            self._taken += 1
            self._begin(folder, grant)

    async def _register_again(self, refused: Refused) -> None:
        self._conflicts += 1
        if self._conflicts > len(_AGAIN):
            raise NameTaken(f"another agent is called {self.identity.name}", {"name": "taken"}) from refused
        _log.warning("registering again", reason=str(refused))
        with contextlib.suppress(Refused):
            await self._beat_once()
        await asyncio.sleep(_AGAIN[min(self._conflicts, 3)])
