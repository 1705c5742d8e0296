"""Keeps a job's chosen files the same on the server while it runs, and compares all when it has ended."""

import asyncio
import contextlib
from dataclasses import dataclass

from andon.agent.adapters.errands import Errand, Errands
from andon.agent.store.attempts import AttemptFolder
from andon.contracts.queue import Grant, SyncedFiles
from andon.telemetry import log

_log = log("andon.agent")
_AGAIN = (0.5, 2.0, 5.0, 15.0)
_SYNCED, _INCOMPLETE = 0, 1
_LEAST_SECONDS = 10.0
"""Beyond its patience, in which it says that it gives up."""


@dataclass
class Syncing:
    """Of one attempt."""

    errands: Errands | None
    folder: AttemptFolder
    grant: Grant
    _running: Errand | None = None

    @property
    def wanted(self) -> SyncedFiles | None:
        return self.grant.job.spec.sync

    async def keep(self) -> None:
        """Until cancelled; one that ends is begun again, and goes on where it was."""
        tries = 0
        while self.errands is not None and self.wanted is not None:
            with contextlib.suppress(OSError):  # no room for a process now
                errand = await self._start(self.errands, self.wanted)
                code = await errand.process.wait()
                _log.warning("sync ended", job=self.grant.job.id, code=code, said=errand.last_words())
            await asyncio.sleep(_AGAIN[min(tries, 3)])
            tries += 1

    async def finish(self, patience: float) -> str:
        """Send what is left and compare all, within so many seconds. Why that did not work; empty: it did."""
        if self.wanted is None:
            return ""
        if self.errands is None:
            return "files can't be synced: the machine's agent has no ANDON_AGENT__SERVER"
        try:
            async with asyncio.timeout(patience + _LEAST_SECONDS):
                code, said = await self._finished(self.errands, self.wanted, patience)
        except TimeoutError:
            return "files can't be synced: not in time"
        except OSError as error:
            return f"files can't be synced: {error}"
        if code == _INCOMPLETE:
            _log.warning("not all is synced", job=self.grant.job.id, said=said)
        return "" if code in (_SYNCED, _INCOMPLETE) else f"files can't be synced: {said[-500:]}"

    def end(self) -> None:
        """At once, wherever it is; the next one goes on from there."""
        if self._running is not None:
            self._running.end()

    async def _finished(self, errands: Errands, wanted: SyncedFiles, patience: float) -> tuple[int, str]:
        """What ran while the job did may have been asked before it could hear; then another one does it."""
        words = ("--once", "--patience", str(max(patience, 1.0)))
        try:
            if self._running is not None and self._running.process.returncode is None:
                self._running.ask_to_finish()
                if await self._running.process.wait() == _SYNCED:
                    return _SYNCED, ""
            errand = await self._start(errands, wanted, *words)
            return await errand.process.wait(), errand.last_words()
        finally:
            self.end()

    async def _start(self, errands: Errands, wanted: SyncedFiles, *words: str) -> Errand:
        """One at a time has the ledger: also when cancelled, what was begun is known."""
        beginning = asyncio.ensure_future(self._begin(errands, wanted, *words))
        try:
            self._running = errand = await asyncio.shield(beginning)
        except asyncio.CancelledError:
            self._running = await beginning
            raise
        return errand

    async def _begin(self, errands: Errands, wanted: SyncedFiles, *words: str) -> Errand:
        root = self.folder.work / (wanted.folder or ".")
        await asyncio.to_thread(root.mkdir, parents=True, exist_ok=True)
        return await errands.begin(
            self.folder.path,
            "sync",
            *("sync", str(root.absolute()), "--uid", uid_of(self.grant)),
            *("--state", str(self.folder.path.absolute() / "sync")),
            *(word for pattern in wanted.files for word in ("--only", pattern)),
            *words,
        )


def uid_of(grant: Grant) -> str:
    """The experiment that a job's files belong to."""
    wanted, job = grant.job.spec.sync, grant.job
    return (wanted.uid if wanted else None) or job.aliases.cvlab or job.id
