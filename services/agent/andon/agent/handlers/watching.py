"""Has a job's process begun, watches it, and ends it: through its keeper, which outlives this agent."""

from collections.abc import Callable
from dataclasses import dataclass

from andon.agent.adapters.keepers import Keepers, Order, end_strays, living_keeper
from andon.agent.domain.ending import Ended
from andon.agent.handlers.wishes import Wishes
from andon.agent.store.attempts import AttemptFolder
from andon.contracts.queue import Grant, Stage
from andon.telemetry import log

_log = log("andon.agent")
_LOOK_SECONDS = 0.5
"""A keeper of an agent that died has no way to tell this one."""
_LOOKS_FOR_A_NEW_KEEPER = 60

Say = Callable[[Stage, int | None], None]


@dataclass
class Watching:
    """Of one attempt. `say` tells the queue without waiting for it: the process runs on without a network."""

    folder: AttemptFolder
    grant: Grant
    keepers: Keepers
    wishes: Wishes
    say: Say
    _told: bool = False
    _ordered: bool = False
    _ended_now: bool = False
    _paused: bool = False

    async def run(self) -> Ended:
        """To the end of its process; it begins one, unless that was done before."""
        self.keepers.begin(self.folder.path)
        unseen = 0
        while (ended := self.folder.ended()) is None:
            self._tell_pid()
            self._order()
            await self.wishes.wait(_LOOK_SECONDS)
            if living_keeper(self.folder.path) is None and self.folder.ended() is None:
                unseen += 1
                if unseen > self._patience():
                    return self._vanished()
        self._tell_pid()
        return self._told_why(ended)

    async def end(self) -> None:
        """Whatever runs of it, now."""
        self.folder.forbid()
        while living_keeper(self.folder.path) is not None and self.folder.ended() is None:
            self.keepers.order(self.folder.path, Order.END)
            await self.wishes.wait(_LOOK_SECONDS)
        if self.folder.ended() is None:
            end_strays(self.grant.job.id, self.grant.lease.attempt)

    def _tell_pid(self) -> None:
        if not self._told and (pid := self.folder.pid()) is not None:
            self._told = True
            self.say(Stage.RUNNING, pid)

    def _order(self) -> None:
        wishes = self.wishes
        if wishes.end and not self._ordered:
            self._ordered = self.keepers.order(self.folder.path, Order.STOP)
        if (wishes.over or wishes.overfull) and not self._ended_now:
            self._ended_now = self.keepers.order(self.folder.path, Order.END)
        if wishes.pause != self._paused and self._told and not self._ordered:
            self._pause()

    def _pause(self) -> None:
        if self.keepers.order(self.folder.path, Order.PAUSE if self.wishes.pause else Order.GO_ON):
            self._paused = self.wishes.pause
            self.say(Stage.PAUSED if self._paused else Stage.RUNNING, None)

    def _patience(self) -> int:
        """Looks without a keeper: one that was just begun may take its time, one that is gone stays so."""
        return 0 if self.folder.begun else _LOOKS_FOR_A_NEW_KEEPER

    def _vanished(self) -> Ended:
        self.folder.forbid()
        strays = end_strays(self.grant.job.id, self.grant.lease.attempt)
        _log.error("the keeper is gone", job=self.grant.job.id, strays=strays)
        return Ended(stopped=True) if self.wishes.stop else Ended(vanished=True)

    def _told_why(self, ended: Ended) -> Ended:
        """An end that this agent ordered for a reason of its own is no stop that a user asked for."""
        if not ended.stopped or self.wishes.stop:
            return ended
        if self.wishes.overfull:
            return Ended(exit_code=ended.exit_code, overfull=self.wishes.overfull)
        return Ended(dropped=True) if self.wishes.dropped else ended
