"""Tells how far files are and where their bytes lie, and decides whether an experiment is synced."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from andon.contracts import Conflict, Invalid, NotFound
from andon.contracts.sync import (
    Experiment,
    Experiments,
    FileCheckpoint,
    Finish,
    Finished,
    GetStatus,
    ListExperiments,
    Local,
    Locate,
    Located,
    Piece,
    Register,
    SaveCheckpoint,
    Status,
    SyncStatus,
)
from andon.messaging import Delivery
from andon.sync.adapters.running import Running
from andon.sync.domain.files import File, Segment
from andon.sync.domain.names import identity, normal
from andon.sync.handlers.relay import Relay
from andon.sync.handlers.shelf import Shelf
from andon.sync.store import experiments as store
from andon.sync.store.documents import Kept
from andon.telemetry import log

_SECONDS = 2.5
"""How long an asker waits for what is being read back."""
_log = log("andon.sync")


@dataclass(frozen=True)
class Desk:
    shelf: Shelf
    experiments: store.Experiments
    running: Running
    relay: Relay
    clock: Callable[[], datetime]

    async def register(self, wish: Register, _: Delivery) -> Experiment:
        told = {"host": wish.host, "code_version": wish.code_version}
        return await self._change(wish.uid, **{name: value for name, value in told.items() if value})

    async def checkpoint(self, wish: SaveCheckpoint, _: Delivery) -> Experiment:
        """Raises NotFound."""
        kept = await self.experiments.get(wish.uid)
        return await self._change(wish.uid, checkpoint={**kept.experiment.checkpoint, **wish.checkpoint})

    async def listed(self, question: ListExperiments, _: Delivery) -> Experiments:
        found = await self.experiments.listed(question)
        more = found[-1].uid if len(found) == question.limit else None
        return Experiments(experiments=tuple(found), next=more)

    async def status(self, question: GetStatus, _: Delivery) -> Status:
        """Raises NotFound."""
        kept = await self.experiments.get(question.uid)
        if question.paths is None:
            files = await self.shelf.files.page(question.uid, question.after, question.limit)
        else:
            files = await self.shelf.files.named(question.uid, _spelled(question.paths))
        more = files[-1].path if question.paths is None and len(files) == question.limit else None
        if question.hashes:
            files = await self._hashed(files)
        readable = tuple(_checkpoint(file) for file in files if file.generation)
        return Status(experiment=kept.experiment, files=readable, next=more)

    async def locate(self, question: Locate, _: Delivery) -> Located:
        """Raises NotFound, Invalid for an offset behind the end, Conflict when the file was replaced."""
        path = normal(question.path)
        kept = await self.shelf.files.read(identity(question.uid, path))
        if kept is None or kept.file.generation == 0:
            raise NotFound(f"There is no file {path!r} of experiment {question.uid!r}.")
        file = kept.file
        if question.generation not in (None, file.generation):
            raise Conflict(f"generation: {path} was replaced; it is at {file.generation} now")
        offset = max(0, file.size - question.tail) if question.tail else question.offset
        if offset > file.size:
            why = f"the file has {file.size} bytes"
            raise Invalid(f"offset: {why}", {"offset": why})
        segments = file.between(offset, file.size - offset)[: question.limit]
        return Located(
            generation=file.generation,
            size=file.size,
            offset=offset,
            pieces=tuple(_piece(each) for each in segments),
            sha256=file.sha256 if file.hashed == file.size else None,
            last_synced_at=file.written_at,
        )

    async def finish(self, report: Finish, _: Delivery) -> Finished:
        """Compare by hash. Raises NotFound."""
        await self.experiments.get(report.uid)
        paths = _spelled([each.path for each in report.files])
        locals_ = dict(zip(paths, report.files, strict=True))
        found = {file.path: file for file in await self.shelf.files.named(report.uid, paths)}
        right = [file for path, file in found.items() if file.generation and file.size == locals_[path].size]
        hashed = {file.path: file for file in await self._hashed(right)}
        checking = tuple(path for path, file in hashed.items() if file.hashed != file.size)
        needs = tuple(
            path
            for path, local in locals_.items()
            if path not in checking and not _same(hashed.get(path), local)
        )
        status = await self._ended(report, needs, checking)
        return Finished(status=status, needs_resync=needs, checking=checking)

    async def _ended(self, report: Finish, needs: tuple[str, ...], checking: tuple[str, ...]) -> SyncStatus:
        if needs or not report.clean:
            return (await self._change(report.uid, status=SyncStatus.OUTDATED)).status
        if checking or not report.last:
            return SyncStatus.SYNCING
        total = report.total or len(report.files)
        now = self.clock()
        done = {"status": SyncStatus.SYNCED, "files": total, "last_synced_at": now, "error": None}
        return (await self._change(report.uid, **done)).status

    async def _hashed(self, files: list[File]) -> list[File]:
        """Files with their hashes where they could be had in time; without those that are damaged."""
        unknown = [file for file in files if file.hashed != file.size]
        if not unknown:
            return files
        found = await asyncio.gather(*(self._read_back(file) for file in unknown))
        known = {file.path: after for file, after in zip(unknown, found, strict=True)}
        return [each for file in files if (each := known.get(file.path, file)) is not None]

    async def _read_back(self, short: File) -> File | None:
        key = identity(short.uid, short.path)
        kept = await self.shelf.files.read(key)
        if kept is None:
            return None
        file = kept.file
        try:
            reached = await self.running.of(key, file, _SECONDS)
        except NotFound:
            await self._damaged(file)
            return None
        if reached is None:
            return short
        await self.shelf.files.hashed(key, file.generation, reached.size, reached.sha256, reached.xxh3)
        return replace(file, hashed=reached.size, sha256=reached.sha256, xxh3=reached.xxh3)

    async def _damaged(self, seen: File) -> None:
        """Let what can't be read be sent anew: nothing of it is kept."""
        _log.error("bytes of a file are gone from the store", uid=seen.uid, path=seen.path)

        async def decide(kept: Kept) -> File:
            now = kept.file
            if (now.generation, now.size) != (seen.generation, seen.size):
                return now
            nothing = {"segments": (), "whole": 0, "draft": None, "hashed": -1, "sha256": None, "xxh3": None}
            return replace(now, generation=now.generation + 1, size=0, **nothing)

        await self.shelf.change(seen.uid, seen.path, decide)
        why = f"{seen.path}: its bytes are gone from the object store; they will be sent again"
        await self._change(seen.uid, status=SyncStatus.FAILED, error=why)

    async def _change(self, uid: str, **changes: object) -> Experiment:
        kept = await self.experiments.change(uid, self.clock(), **changes)
        await self.relay.tell_experiment(kept)
        return kept.experiment


def _piece(segment: Segment) -> Piece:
    return Piece(key=segment.key, at=segment.at, length=segment.length, packed=segment.packed)


def _spelled(paths: Sequence[str]) -> list[str]:
    return [normal(path) for path in paths]


def _same(file: File | None, local: Local) -> bool:
    return file is not None and (file.size, file.sha256) == (local.size, local.sha256)


def _checkpoint(file: File) -> FileCheckpoint:
    known = file.hashed == file.size
    return FileCheckpoint(
        path=file.path,
        generation=file.generation,
        size=file.size,
        sha256=file.sha256 if known else None,
        xxh3=file.xxh3 if known else None,
        last_synced_at=file.written_at,
        writer=file.writer or None,
    )
