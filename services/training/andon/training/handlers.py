"""Reactions of training: a fit is run, versions are listed and deployed."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version as distribution
from pathlib import Path

from andon.contracts import NotFound, Refused, Unavailable, station, training
from andon.contracts.station import ModelRef, Region
from andon.contracts.training import (
    FitModel,
    FitProgress,
    FitState,
    GetFit,
    ModelVersion,
)
from andon.messaging import Delivery, Retry, Service
from andon.telemetry import log
from andon.training.adapters.files import FitFiles
from andon.training.adapters.process import FittingDied, FittingProcess
from andon.training.domain.order import MOST_IMAGES, FitOrder, FitResult, FitStep, enough, evenly
from andon.training.rollout.deploying import Deployer, Order
from andon.training.store import Fits, Versions

RETRY = Retry(attempts=2, first=1.0)
"""A fit whose process died is tried once more; a bad image does not get better."""
MOST_SAMPLES = 5000

_log = log("andon.training")


@dataclass(frozen=True)
class Fitter:
    """Turns good images into a model version."""

    bus: Service
    fits: Fits
    versions: Versions
    files: FitFiles
    process: FittingProcess
    deployer: Deployer
    threads: int
    clock: Callable[[], datetime]

    async def status(self, query: GetFit, _delivery: Delivery) -> FitProgress:
        """Raises NotFound while the fit waits in the stream, or when there is none."""
        found = await self.fits.get(query.fit_id)
        if found is None:
            raise NotFound(f"fit {query.fit_id} has not begun, or there is none")
        return found

    async def fit(self, command: FitModel, delivery: Delivery) -> None:
        """Fit, keep, say, and deploy if asked to. What is wrong with images stands in the fit's record."""
        telling = _Telling(self, command, delivery.attempt)
        try:
            version, message = await self._kept(command, telling)
            if command.deploy:
                order = Order(
                    by=command.requested_by, once=f"{command.fit_id}:deploy", note="asked for at the fit"
                )
                await self.deployer.put_to_work(version, (command.station_id,), order)
        except Unavailable:
            raise
        except Refused as refused:
            await telling.failed(str(refused))
        except FittingDied as died:
            _log.warning("a fitting process died", fit=command.fit_id, reason=str(died))
            if delivery.attempt < RETRY.attempts:
                await telling.step("load", 0.0, f"once more: {died}")
                raise
            await telling.failed(str(died))
        else:
            await telling.done(version, message)

    async def _kept(self, command: FitModel, telling: "_Telling") -> tuple[ModelVersion, str]:
        known = await self.versions.get(_version_id(command))
        if known is not None:  # a repeat: the files and the record are there
            return known, "fitted before"
        await telling.step("load", 0.0, "looking for images")
        region, keys = await self._sources(command)
        async with self.files.scratch(command.fit_id) as folder:
            await telling.step("load", 0.02, f"fetching {len(keys)} images")
            await self.files.fetch(keys, folder)
            order = FitOrder(keys=keys, head=command.head, region=region, threads=self.threads)
            result = await self.process.fit(order, folder, telling.heard)
            version = await self._stored(command, result, folder)
        await self.files.keep_manifest(version, result, region, keys)
        await self.versions.put(version)
        await self.bus.say(training.MODEL_FITTED, version, once=version.id)
        return version, "; ".join(result.notes)

    async def _sources(self, command: FitModel) -> tuple[Region, tuple[str, ...]]:
        """What to look at and where the images are. Raises NotFound and Invalid."""
        asked = await self.bus.ask(station.GET, station.GetStation(id=command.station_id))
        keys = command.keys
        if not keys:
            wanted = station.ListSamples(station_id=command.station_id, limit=MOST_SAMPLES)
            keys = tuple(sample.key for sample in (await self.bus.ask(station.SAMPLES, wanted)).samples)
        enough(len(keys))
        region = asked.recipe.region if asked.recipe else Region()
        return region, tuple(evenly(keys, min(command.max_images, MOST_IMAGES)))

    async def _stored(self, command: FitModel, result: FitResult, folder: Path) -> ModelVersion:
        now, digest = self.clock(), result.fp32.sha256
        name = command.name or f"{command.station_id} {now:%Y-%m-%d %H:%M}"
        model = ModelRef(
            version_id=_version_id(command),
            name=name,
            digest=digest,
            fp32=await self.files.keep(result.fp32, digest, folder),
            int8=await self.files.keep(result.int8, digest, folder) if result.int8 else None,
        )
        return ModelVersion(
            id=model.version_id,
            name=name,
            station_id=command.station_id,
            created_at=now,
            head=result.head,
            model=model,
            thresholds=result.thresholds,
            metrics=result.metrics,
            source_sha256=result.source_sha256,
            base_model="efficientnet-lite0",
            job_id=command.fit_id,
            code_manifest=f"andon-training=={distribution('andon-training')}",
        )


class _Telling:
    """Says and keeps how far one attempt at a fit is."""

    def __init__(self, fitter: Fitter, command: FitModel, attempt: int) -> None:
        self._fitter = fitter
        self._command = command
        self._attempt = attempt
        self._said = 0
        self._last = ("load", 0.0)

    async def heard(self, step: FitStep) -> None:
        await self.step(step.stage, step.fraction, step.message)

    async def step(self, stage: str, fraction: float, message: str) -> None:
        self._last = (stage, fraction)
        await self._tell(FitState.RUNNING, message)

    async def failed(self, reason: str) -> None:
        _log.warning("a fit failed", fit=self._command.fit_id, reason=reason)
        await self._tell(FitState.FAILED, reason)

    async def done(self, version: ModelVersion, message: str) -> None:
        self._last = ("done", 1.0)
        await self._tell(FitState.SUCCEEDED, message, version.id)

    async def _tell(self, state: FitState, message: str, version_id: str | None = None) -> None:
        stage, fraction = self._last
        progress = FitProgress(
            fit_id=self._command.fit_id,
            station_id=self._command.station_id,
            state=state,
            stage=stage,
            fraction=fraction,
            message=message,
            version_id=version_id,
            at=self._fitter.clock(),
        )
        await self._fitter.fits.put(progress)
        self._said += 1
        once = f"{progress.fit_id}:{self._attempt}:{self._said}:{state}"
        await self._fitter.bus.say(training.FIT_PROGRESSED, progress, once=once)


def _version_id(command: FitModel) -> str:
    """The same for every attempt at a fit, so that a repeat replaces."""
    return f"model-{command.fit_id.removeprefix('fit-')}"
