"""Makes a version of what a run left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from andon.contracts import Invalid, review, training
from andon.contracts.learning import Run
from andon.contracts.station import DetectorModel, ModelRef, RegionModel, Thresholds
from andon.contracts.training import Head, ModelVersion
from andon.messaging import Service
from andon.training.domain.lessons import Lesson, LessonResult, held_out_digest
from andon.training.domain.order import FitResult
from andon.training.learning.packing import Packing
from andon.training.learning.store import Evaluations
from andon.training.rollout.deploying import Deployer, Order
from andon.training.store import Versions

LEAST_MAP50 = 0.1
"""Of a detector that is deployed by its own run."""


@dataclass(frozen=True)
class Keeping:
    """Files, evidence and record of a new version; a repeat writes the same again."""

    bus: Service
    versions: Versions
    evaluations: Evaluations
    packing: Packing
    deployer: Deployer
    clock: Callable[[], datetime]

    async def keep(self, run: Run, lesson: Lesson, result: LessonResult, folder: Path) -> ModelVersion:
        """Raises Invalid where the files are not what the run said, and Unavailable."""
        parent = await self.versions.get(run.parent) if run.parent else None
        version = await self._version(run, lesson, result, parent, folder)
        if result.evaluation is not None:
            await self.evaluations.put(await self.packing.keep_evidence(result.evaluation, folder))
        await self.versions.put(version)
        await self.bus.say(training.MODEL_FITTED, version, once=version.id)
        seen = tuple(image.sha256 for image in lesson.images if image.sha256)
        learned = review.Learned(version_id=version.id, sha256=seen)
        await self.bus.say(review.LEARNED, learned, once=version.id)
        return version

    async def use(self, run: Run, version: ModelVersion) -> str:
        """Deploy it where that was wished for and nothing speaks against it; a note otherwise."""
        if not run.deploy:
            return ""
        if reason := objection(version):
            return f"not deployed: {reason}"
        order = Order(by=run.requested_by, once=f"{run.id}:deploy")
        await self.deployer.put_to_work(version, (run.station_id,), order)
        return ""

    async def _version(
        self, run: Run, lesson: Lesson, result: LessonResult, parent: ModelVersion | None, folder: Path
    ) -> ModelVersion:
        now = self.clock()
        name = run.name or f"{run.station_id} {now:%Y-%m-%d %H:%M}"
        if result.fit is not None:
            model = await self._fitted(lesson.version_id, name, result.fit, parent, folder)
            head, thresholds, sources = result.fit.head, result.fit.thresholds, result.fit.source_sha256
        elif parent is not None:
            model = await self._named(lesson, name, result, parent.model, folder)
            head, thresholds, sources = parent.head, parent.thresholds, parent.source_sha256
        else:
            raise Invalid(f"the version that {run.id} goes on from is gone")
        return _made(run, lesson, result, model, head, thresholds, sources, now)

    async def _fitted(
        self, version_id: str, name: str, fit: FitResult, parent: ModelVersion | None, folder: Path
    ) -> ModelRef:
        """A new anomaly model; the classes that the station knows stay with it."""
        digest, small = fit.fp32.sha256, fit.int8
        keep = self.packing.keep_model
        return ModelRef(
            version_id=version_id,
            name=name,
            digest=digest,
            fp32=await keep(fit.fp32.name, digest, fit.fp32.size, digest, folder),
            int8=await keep(small.name, small.sha256, small.size, digest, folder) if small else None,
            regions=parent.model.regions if parent else None,
            detector=parent.model.detector if parent else None,
        )

    async def _named(
        self, lesson: Lesson, name: str, result: LessonResult, parent: ModelRef, folder: Path
    ) -> ModelRef:
        """The parent's anomaly model with a new classifier or detector: nothing is loaded anew but that."""
        left = result.regions or result.detector
        if left is None:
            raise Invalid("the run left neither an anomaly model nor what tells classes")
        file = await self.packing.keep_model(left.name, left.sha256, left.size, left.sha256, folder)
        changed: dict[str, object] = {"version_id": lesson.version_id, "name": name}
        if result.regions is not None:
            sure = lesson.parameters.sure_above
            changed["regions"] = RegionModel(file=file, classes=result.classes, sure_above=sure)
        else:
            changed["detector"] = DetectorModel(
                file=file,
                classes=result.classes,
                sure_above=result.sure_above,
                fails_above=result.fails_above,
                calibration=result.calibration,
            )
        return parent.model_copy(update=changed)


def _made(  # noqa: PLR0913, PLR0917 - what a version is made of
    run: Run,
    lesson: Lesson,
    result: LessonResult,
    model: ModelRef,
    head: Head,
    thresholds: Thresholds,
    sources: tuple[str, ...],
    now: datetime,
) -> ModelVersion:
    return ModelVersion(
        id=lesson.version_id,
        name=model.name,
        station_id=run.station_id,
        created_at=now,
        head=head,
        model=model,
        thresholds=thresholds,
        metrics=result.metrics,
        source_sha256=sources,
        description="; ".join(result.notes)[:2000],
        base_model="EfficientNet-Lite0",
        parent=run.parent,
        dataset_version=run.dataset_version,
        job_id=run.job_id or run.id,
        code_manifest=run.repeat.code_version if run.repeat else None,
        held_out=held_out_digest(lesson) if result.evaluation else "",
    )


def objection(version: ModelVersion) -> str:
    """What the held-out parts say against a version: no better than guessing, or next to nothing found."""
    metrics = version.metrics
    for name, what in (("image_auroc", "good from defective parts"), ("region_accuracy", "classes")):
        if name in metrics and metrics[name] <= 0.5:  # noqa: PLR2004 - as a coin would
            return f"on held-out parts it tells {what} no better than a coin ({name} {metrics[name]:.2f})"
    if version.model.detector is not None and metrics.get("map50", 1.0) < LEAST_MAP50:
        return f"on held-out parts it finds next to nothing (map50 {metrics['map50']:.2f})"
    return ""
