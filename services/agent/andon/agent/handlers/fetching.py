"""Brings a job's inputs into its folder, each checked by its sha256, through the machine's cache."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import ParamSpec, TypeVar

import httpx

from andon.agent.adapters.archive import Limits, unpack
from andon.agent.adapters.cache import Cache, copied
from andon.agent.domain.starting import CannotPrepare
from andon.agent.store.attempts import AttemptFolder
from andon.contracts import NotFound, Unavailable
from andon.contracts.queue import Failure, Given, Input
from andon.contracts.workspace import ARCHIVE_FIND, ArchiveKind, FindArchives
from andon.messaging import Service
from andon.storage import Blobs

P = ParamSpec("P")
R = TypeVar("R")

SNAPSHOT = "snapshot"
_PIECE = 8 << 20
_AGAIN = (0.5, 1.0, 2.0, 5.0)
_ARCHIVES = {each.value: each for each in ArchiveKind}


@dataclass
class Fetching:
    bus: Service
    blobs: Blobs
    cache: Cache
    limits: Limits
    patience: float
    """Seconds over which a store that is away is waited for."""
    urls: tuple[str, ...]
    """What URLs of inputs must begin with; none is fetched otherwise."""

    async def bring(self, folder: AttemptFolder, asked: Input) -> Given:
        """What came, at its place in the job's folder. Raises CannotPrepare."""
        wanted = await self._patiently(asked.name, self._known, asked)
        place = within(folder.work, wanted.mount_path or f"inputs/{_safe(wanted.name)}")
        if wanted.kind != SNAPSHOT:
            return await self._fetch(wanted, place)
        archive = folder.scratch / "snapshot"
        given = await self._fetch(wanted, archive)
        target = folder.work if wanted.mount_path in (None, ".") else place
        await asyncio.to_thread(unpack, archive, target, self.limits)
        archive.unlink()
        return given

    async def _known(self, wanted: Input) -> Input:
        """An archive that people gave this name, where the job says no more than a name."""
        if wanted.source or wanted.kind not in _ARCHIVES:
            return wanted
        try:
            question = FindArchives(kind=_ARCHIVES[wanted.kind], names=(wanted.name,))
        except ValueError:
            return wanted  # no archive can have this name
        for found in (await self.bus.ask(ARCHIVE_FIND, question)).archives:
            sha256 = wanted.sha256 or found.sha256
            return wanted.model_copy(update={"source": found.key, "sha256": sha256})
        return wanted

    async def _fetch(self, wanted: Input, place: Path) -> Given:
        found = wanted.sha256
        if found is None:
            found = await self._download(wanted, place)
        elif not await asyncio.to_thread(self.cache.take, found, place):
            await self._through_the_cache(wanted, found, place)
        return Given(
            name=wanted.name,
            kind=wanted.kind,
            source=_source(wanted),
            sha256=found,
            size=(await asyncio.to_thread(place.stat)).st_size,
        )

    async def _through_the_cache(self, wanted: Input, sha256: str, place: Path) -> None:
        scratch = self.cache.scratch()
        try:
            found = await self._download(wanted, scratch)
            if found != sha256:
                raise CannotPrepare("hash_mismatch", f"{wanted.name} has the sha256 {found}, not {sha256}")
            if await asyncio.to_thread(copied, scratch, place) != sha256:
                raise CannotPrepare("disk", "the disk does not keep what it is given", Failure.INFRASTRUCTURE)
            self.cache.add(scratch, sha256)
        finally:
            scratch.unlink(missing_ok=True)
        await asyncio.to_thread(self.cache.shrink)

    async def _download(self, wanted: Input, place: Path) -> str:
        """Its sha256."""
        place.parent.mkdir(parents=True, exist_ok=True)
        return await self._patiently(wanted.name, self._download_once, wanted, place)

    async def _patiently(
        self, name: str, work: Callable[P, Awaitable[R]], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """A store that is away is waited for. Raises CannotPrepare."""
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        for tries in range(1_000_000):
            try:
                return await work(*args, **kwargs)
            except (Unavailable, httpx.TransportError) as away:
                if loop.time() >= end:
                    message = f"{name} can't be fetched: {away}"
                    raise CannotPrepare("fetching", message, Failure.INFRASTRUCTURE) from away
                await asyncio.sleep(_AGAIN[min(tries, 3)])
        raise AssertionError  # a million tries take longer than any patience

    async def _download_once(self, wanted: Input, place: Path) -> str:
        digest = sha256()
        with place.open("wb") as out:

            def take(piece: bytes) -> None:
                digest.update(piece)
                out.write(piece)

            if "://" in wanted.source:
                await self._from_url(wanted, take)
            else:
                await self._from_store(wanted, take)
        return digest.hexdigest()

    async def _from_store(self, wanted: Input, take: Callable[[bytes], None]) -> None:
        key = _source(wanted)
        offset = 0
        while True:
            try:
                piece = await self.blobs.get_range(key, offset, _PIECE)
            except (NotFound, ValueError):  # also a name that no object can have
                raise CannotPrepare("input_missing", f"{wanted.name}: there is no object {key!r}") from None
            await asyncio.to_thread(take, piece)
            offset += len(piece)
            if len(piece) < _PIECE:
                return

    async def _from_url(self, wanted: Input, take: Callable[[bytes], None]) -> None:
        if not any(wanted.source.startswith(each) for each in self.urls):
            message = f"{wanted.name}: this machine may not fetch from {wanted.source[:200]!r}"
            raise CannotPrepare("url_not_allowed", message)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30) as client,
            client.stream("GET", wanted.source) as answer,
        ):
            if answer.status_code >= 500:  # noqa: PLR2004 - a server's own trouble
                raise Unavailable(f"it answers {answer.status_code}")
            if not answer.is_success:
                raise CannotPrepare(
                    "input_missing", f"{wanted.name}: its server answers {answer.status_code}"
                )
            async for piece in answer.aiter_bytes(_PIECE):
                await asyncio.to_thread(take, piece)


def within(work: Path, relative: str) -> Path:
    """A place in the job's folder, not behind a link that an archive brought. Raises CannotPrepare."""
    place = work / relative
    if not place.resolve().is_relative_to(work.resolve()):
        raise CannotPrepare("unsafe_path", f"{relative!r} leads outside the job's folder")
    return place


def _source(wanted: Input) -> str:
    return wanted.source or f"{wanted.kind}s/{wanted.name}"


def _safe(name: str) -> str:
    clean = name.replace("/", "_").replace("\\", "_")
    return "_" if clean in (".", "..") else clean
