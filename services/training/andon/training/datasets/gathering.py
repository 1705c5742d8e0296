"""Brings together the images of a version, each kept once under its own digest."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

from andon.contracts import Invalid, NotFound, Refused, TooLarge, Unavailable, station
from andon.contracts.annotation import Verdict
from andon.contracts.dataset import ImportedArchive, Sample, Source, Split, StartBuild
from andon.datasets import Found, Limits, read
from andon.messaging import Service
from andon.serving import decode
from andon.storage import Blobs
from andon.training.datasets.looks import look_of
from andon.training.datasets.store import DatasetStore
from andon.training.review.store import ReviewStore

_AT_ONCE = 4
_PIECE = 8 << 20
MOST_SAMPLES = 20_000
_TAUGHT = 5000


@dataclass
class Gathered:
    """The samples so far, by digest of their images."""

    samples: dict[str, Sample] = field(default_factory=dict[str, Sample])
    fixed: dict[str, Split] = field(default_factory=dict[str, Split])
    """Splits that are given."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    copies: int = 0
    _came: set[str] = field(default_factory=set[str])

    def begin(self, samples: Sequence[Sample]) -> None:
        """With these, in the splits that they are in."""
        for sample in samples:
            self.samples[sample.sha256] = sample
            self.fixed[sample.sha256] = sample.split

    def take(self, sample: Sample, split: Split | None = None) -> None:
        """In place of what was known of the same image. Raises TooLarge."""
        self.copies += sample.sha256 in self._came
        self._came.add(sample.sha256)
        self.samples[sample.sha256] = sample
        if split is not None:
            self.fixed[sample.sha256] = split
        if len(self.samples) > MOST_SAMPLES:
            raise TooLarge(f"a dataset version has at most {MOST_SAMPLES} samples")

    def notes(self) -> list[str]:
        found = [f"{number} images left out: {why}" for why, number in sorted(self.left_out.items())]
        if self.copies:
            found.append(f"{self.copies} images came more than once and count once, by their last label")
        return found


Progress = Callable[[str, int], Awaitable[None]]


@dataclass(frozen=True)
class Gatherer:
    """Reads from stations, annotations, versions and archives."""

    bus: Service
    blobs: Blobs
    store: DatasetStore
    reviews: ReviewStore
    folder: Path
    limits: Limits

    async def tidy(self) -> None:
        """Remove the copies of archives that a killed service left behind."""
        for left in self.folder.glob("*.zip"):
            await asyncio.to_thread(left.unlink, missing_ok=True)

    async def gather(self, wanted: StartBuild, told: Progress) -> Gathered:
        """Later sources overrule earlier ones: base, archive, taught, annotations.

        Raises Refused naming what is wrong, and Unavailable.
        """
        gathered = Gathered()
        if wanted.base is not None:
            gathered.begin((await self.store.manifest(wanted.base)).samples)
        if wanted.archive is not None:
            await self._imported(wanted, wanted.archive, gathered, told)
        if wanted.taught:
            await self._taught(wanted, gathered, told)
        if wanted.annotations:
            await self._annotated(wanted, gathered, told)
        return gathered

    async def _annotated(self, wanted: StartBuild, gathered: Gathered, told: Progress) -> None:
        rows = await self.reviews.settled(stations=wanted.stations, since=wanted.since, until=wanted.until)
        said = await self.reviews.annotations([row.annotation_id for row in rows if row.annotation_id])
        sources: list[_Wanted] = []
        for each in (said[row.annotation_id] for row in rows if row.annotation_id in said):
            if each.verdict is Verdict.UNSURE:
                gathered.left_out["nobody could tell what they are"] += 1
                continue
            about = {
                "verdict": each.verdict,
                "shapes": each.shapes,
                "classes": tuple(sorted({shape.class_name for shape in each.shapes})),
                "source": Source.ANNOTATION,
                "station_id": each.station_id,
                "part_id": each.part_id,
                "captured_at": each.captured_at,
                "inspection_id": each.inspection_id,
                "annotation_id": each.id,
            }
            sources.append(_Wanted(each.image.key, each.image.sha256, about))
        await self._copied(sources, gathered, told)

    async def _taught(self, wanted: StartBuild, gathered: Gathered, told: Progress) -> None:
        for station_id in wanted.stations:
            question = station.ListSamples(station_id=station_id, limit=_TAUGHT)
            found = (await self.bus.ask(station.SAMPLES, question, timeout=15)).samples
            some = [
                each
                for each in found
                if (wanted.since is None or each.captured_at >= wanted.since)
                and (wanted.until is None or each.captured_at < wanted.until)
            ]
            about = {
                "verdict": Verdict.GOOD,
                "source": Source.TAUGHT,
                "station_id": station_id,
                "inspection_id": None,
                "annotation_id": None,
            }
            sources = [
                _Wanted(each.key, each.sha256, {**about, "captured_at": each.captured_at}) for each in some
            ]
            await self._copied(sources, gathered, told)

    async def _copied(self, sources: Sequence["_Wanted"], gathered: Gathered, told: Progress) -> None:
        for start in range(0, len(sources), _AT_ONCE):
            await told("gathering images", len(gathered.samples))
            some = sources[start : start + _AT_ONCE]
            known = [gathered.samples.get(each.sha256) for each in some]
            taken = await asyncio.gather(*map(self._copy, some, known))
            for sample in taken:
                if isinstance(sample, str):
                    gathered.left_out[sample] += 1
                else:
                    gathered.take(sample)

    async def _copy(self, wanted: "_Wanted", known: Sample | None) -> Sample | str:
        """The sample, or why there is none."""
        if known and known.source is Source.ANNOTATION and wanted.about["source"] is Source.TAUGHT:
            return known  # somebody has looked at it since
        if known is not None:  # its image is here, only what is said of it may be new
            return Sample.model_validate({**known.model_dump(), "shapes": (), "classes": (), **wanted.about})
        try:
            data = await self.blobs.get(wanted.key)
        except NotFound:
            return "no longer there"
        if sha256(data).hexdigest() != wanted.sha256:
            return "not what they were when they were labelled"
        try:
            return await self._kept(data, wanted.about)
        except Unavailable:
            raise
        except Refused:
            return "not readable as images"

    async def _imported(
        self, wanted: StartBuild, archive: ImportedArchive, gathered: Gathered, told: Progress
    ) -> None:
        async with self._fetched(archive) as path:
            with read(path, archive.format, self.limits) as reading:
                while (found := await asyncio.to_thread(next, reading.images, None)) is not None:
                    about = {"source": Source.IMPORT, "station_id": wanted.station_id or ""}
                    try:
                        sample = await self._kept(found.data, {**about, **_of(found)})
                    except Unavailable:
                        raise
                    except Refused as refused:
                        raise Invalid(f"archive: {found.name}: {refused}") from refused
                    gathered.take(sample, found.split)
                    if len(gathered.samples) % 16 == 0:
                        await told(f"reading {archive.name}", len(gathered.samples))
                gathered.left_out.update(reading.left_out)

    async def _kept(self, data: bytes, about: dict[str, Any]) -> Sample:
        """Keep an image and describe it. Raises Invalid, TooLarge and UnsupportedMedia."""
        sample = await asyncio.to_thread(_described, data, about)
        await self.blobs.put(sample.key, data, sample.content_type, sha256=sample.sha256)
        return sample

    @asynccontextmanager
    async def _fetched(self, archive: ImportedArchive) -> AsyncIterator[Path]:
        """The archive as a file, gone afterwards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{uuid4().hex}.zip"
        try:
            with path.open("xb") as file:
                place = 0
                while piece := await self.blobs.get_range(archive.key, place, _PIECE):
                    await asyncio.to_thread(file.write, piece)
                    place += len(piece)
                    if place >= archive.size:
                        break
            yield path
        except OSError as error:
            raise Unavailable(f"the archive can't be read here: {error.strerror or error}") from error
        finally:
            path.unlink(missing_ok=True)


@dataclass(frozen=True)
class _Wanted:
    """An image that lies somewhere, and what is said of it."""

    key: str
    sha256: str
    about: dict[str, Any]


def _of(found: Found) -> dict[str, Any]:
    name = "".join(letter for letter in found.name if letter.isprintable())[-200:]
    return {"verdict": found.verdict, "shapes": found.shapes, "classes": found.classes, "name": name}


def _described(data: bytes, about: dict[str, Any]) -> Sample:
    decoded, digest = decode(data), sha256(data).hexdigest()
    return Sample(
        sha256=digest,
        key=f"datasets/images/{digest}",
        content_type=decoded.media_type,
        size=len(data),
        width=decoded.width,
        height=decoded.height,
        look=look_of(decoded.pixels),
        split=Split.TRAIN,
        group=digest,
        **about,
    )
