"""From what was asked for to a lesson: which images, which parent, what is held out."""

from dataclasses import dataclass
from hashlib import sha256

from andon.contracts import BadRequest, Invalid, NotFound, dataset, station
from andon.contracts.annotation import Verdict
from andon.contracts.learning import LabelledImage, RunKind, StartRun
from andon.contracts.station import Station
from andon.contracts.training import ModelVersion
from andon.messaging import Service
from andon.storage import Blobs
from andon.training.domain.lessons import FEWEST_OUTLINED, Lesson, learned_from, settled
from andon.training.domain.order import MOST_IMAGES, enough, evenly
from andon.training.learning.store import Label, Labels
from andon.training.store import Versions

_MOST_SAMPLES = 5000


@dataclass(frozen=True)
class Wish:
    """A lesson with where it came from."""

    lesson: Lesson
    parent: ModelVersion | None
    labels: tuple[Label, ...] = ()
    """The annotations it learns from, where nobody named images."""
    gpus: int = 0
    """That its job asks for."""


@dataclass(frozen=True)
class Wishes:
    bus: Service
    versions: Versions
    labels: Labels
    blobs: Blobs
    threads: int

    async def understood(self, wish: StartRun, version_id: str) -> Wish:
        """Raises NotFound for what is not there, and Invalid for what can't be learned from."""
        found = await self.bus.ask(station.GET, station.GetStation(id=wish.station_id))
        parent = await self._parent(wish, found)
        images, labels = await self._images(wish)
        region = found.recipe.region if found.recipe else station.Region()
        regions = parent.model.regions if parent else None
        lesson = Lesson(
            kind=wish.kind,
            version_id=version_id,
            images=settled(images),
            region=region,
            parameters=wish.parameters,
            thresholds=parent.thresholds if parent and wish.kind is not RunKind.ANOMALY else None,
            sure_above=regions.sure_above if regions else wish.parameters.sure_above,
            threads=self.threads,
        )
        _check(lesson, parent)
        return Wish(lesson, parent, labels)

    async def _parent(self, wish: StartRun, found: Station) -> ModelVersion | None:
        if wish.parent:
            version = await self.versions.get(wish.parent)
            if version is None:
                raise NotFound(f"parent: there is no model version {wish.parent}", {"parent": "unknown"})
            return version
        used = found.recipe.model if found.recipe else None
        return await self.versions.get(used.version_id) if used else None

    async def _images(self, wish: StartRun) -> tuple[tuple[LabelledImage, ...], tuple[Label, ...]]:
        if wish.images:
            return wish.images, ()
        if wish.dataset_version:
            return await self._of_dataset(wish.dataset_version), ()
        labels = tuple(await self.labels.of(wish.station_id))
        images = [label.image for label in labels]
        if wish.kind is RunKind.ANOMALY:
            images += await self._samples(wish.station_id)
        return tuple({image.sha256 or image.key: image for image in reversed(images)}.values()), labels

    async def _of_dataset(self, version_id: str) -> tuple[LabelledImage, ...]:
        """The test split is held out; the rest is learned from."""
        version = await self.bus.ask(dataset.GET, parsed_id(version_id))
        data = await self.blobs.get(version.manifest_key)
        if sha256(data).hexdigest() != version.id:
            raise Invalid(f"dataset_version: the manifest of {version.id} is damaged in the object store")
        return tuple(
            LabelledImage(
                key=sample.key,
                sha256=sample.sha256,
                verdict=sample.verdict,
                shapes=sample.shapes,
                held_out=sample.split is dataset.Split.TEST,
                station_id=sample.station_id,
                part_id=sample.part_id or sample.group,
            )
            for sample in dataset.Manifest.model_validate_json(data).samples
        )

    async def _samples(self, station_id: str) -> list[LabelledImage]:
        wanted = station.ListSamples(station_id=station_id, limit=_MOST_SAMPLES)
        samples = evenly((await self.bus.ask(station.SAMPLES, wanted)).samples, MOST_IMAGES)
        return [
            LabelledImage(key=sample.key, sha256=sample.sha256, verdict=Verdict.GOOD, station_id=station_id)
            for sample in samples
        ]


def parsed_id(version_id: str) -> dataset.GetVersion:
    """Raises BadRequest for what can be no version's id."""
    try:
        return dataset.GetVersion(id=version_id)
    except ValueError as error:
        raise BadRequest(
            "dataset_version: a version's id is the sha256 of its manifest", {"dataset_version": "no id"}
        ) from error


def _check(lesson: Lesson, parent: ModelVersion | None) -> None:
    """What can be told before anything is fetched. Raises Invalid and BadRequest."""
    if lesson.kind is RunKind.ANOMALY:
        enough(len(learned_from(lesson, Verdict.GOOD)))
        return
    if parent is None:
        raise BadRequest(
            "station_id: an anomaly model decides, then defects get names; fit and deploy one first",
            {"station_id": "no model"},
        )
    places = learned_from(lesson, Verdict.DEFECT)
    if lesson.kind is RunKind.DETECTOR:
        outlined = sum(bool(lesson.images[place].shapes) for place in places)
        if outlined < FEWEST_OUTLINED:
            raise BadRequest(
                f"images: {outlined} parts with outlined defects are there to learn from; a detector needs"
                f" {FEWEST_OUTLINED}",
                {"images": "too few outlined parts"},
            )
        return
    classes = {shape.class_name for place in places for shape in lesson.images[place].shapes}
    if len(classes) < 2:  # noqa: PLR2004 - to tell apart
        raise BadRequest(
            f"images: outlined defects of {len(classes)} classes are there to learn from; 2 are needed",
            {"images": "too few classes"},
        )
