"""`andon fit`: fits a model from good images and shows how far it is."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from pathlib import Path  # noqa: TC003 - typer reads the annotations
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from andon.contracts import INTEGRATIONS, BadRequest, Message, Refused, Unavailable, training
from andon.contracts.training import FitModel, FitProgress, FitState, Head, ListModels, ModelVersion

if TYPE_CHECKING:
    from andon.messaging import Delivery, Service
    from andon.storage import Blobs

app = typer.Typer(help="Fit a model from good images and let a station judge by it.")

SUFFIXES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".bmp": "image/bmp",
    ".tif": "image/tiff", ".tiff": "image/tiff", ".webp": "image/webp",
}  # fmt: skip
_ENDED = (FitState.SUCCEEDED, FitState.FAILED)
_LOOK_SECONDS = 5.0
"""Without news for so long, the fit's record is asked for."""


@app.callback(invoke_without_command=True)
def fit(  # noqa: PLR0913, PLR0917 - the options of the command
    station: Annotated[str, typer.Option(help="The station that will judge by the model.")],
    images: Annotated[
        Path | None,
        typer.Option(
            help="A folder of good images; without it the station's own samples.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    head: Annotated[Head, typer.Option(help="padim for fixtured parts, knn for loose ones.")] = Head.AUTO,
    deploy: Annotated[bool, typer.Option(help="Let the station judge by it when it is fitted.")] = True,
    name: Annotated[str, typer.Option(help="Shown to people.")] = "",
    max_images: Annotated[int, typer.Option(min=8, max=5000, help="More are thinned out evenly.")] = 500,
) -> None:
    """Fit a model, wait for it, print what it promises."""
    order = {"station_id": station, "name": name, "head": head, "deploy": deploy, "max_images": max_images}
    try:
        version = asyncio.run(_fit(order, images))
    except Refused as refused:
        typer.secho(f"the fit failed: {refused}", err=True, fg="red")
        raise typer.Exit(1) from refused
    except KeyboardInterrupt:
        typer.echo("\nno longer watching; the fit goes on")
        raise typer.Exit(130) from None
    typer.echo(report(version, deployed=deploy))


def report(version: ModelVersion, *, deployed: bool) -> str:
    """What a person wants to know about a new version."""
    limits, metrics = version.thresholds, version.metrics
    quantised = "INT8 and FP32" if version.model.int8 else "FP32 only"
    text = (
        f"{version.id} ({version.name}): {version.head} from {metrics.get('images', 0):.0f} images "
        f"in {metrics.get('fit_seconds', 0):.1f} s, {quantised}\n"
        f"  uncertain above {limits.uncertain_above:.3f}, fail above {limits.fail_above:.3f}; "
        f"at most {metrics.get('false_fail_bound', 1):.1%} of good parts fail\n"
        f"  painted defects: AUROC {metrics.get('synthetic_auroc', 0):.3f}, "
        f"{metrics.get('synthetic_caught', 0):.0%} do not pass"
    )
    return f"{text}\n  station {version.station_id} judges by it" if deployed else text


async def _fit(order: dict[str, object], images: Path | None) -> ModelVersion:
    from andon.messaging import Service  # noqa: PLC0415 - `andon --help` needs no bus
    from andon.storage import Blobs  # noqa: PLC0415 - the same
    from andon.training.app import TrainingSettings  # noqa: PLC0415 - the same

    settings = TrainingSettings()
    watch = Watch(f"fit-{uuid4().hex[:12]}")
    bus = Service(INTEGRATIONS, settings.bus)
    bus.follows([training.FIT_PROGRESSED], watch.heard, after=_only_new)
    async with bus, Blobs(settings.s3) as blobs:
        try:
            await bus.ask(training.LIST, ListModels(limit=1))
        except Unavailable as away:
            raise Unavailable("the training service does not answer; does `andon up` run?") from away
        keys = await upload(blobs, images) if images else ()
        command = FitModel.model_validate({"fit_id": watch.fit_id, "keys": keys, **order})
        await bus.say(training.FIT, command, once=watch.fit_id)
        ended = await watch.until_ended(bus)
        if ended.state is FitState.FAILED:
            raise Refused(ended.message)
        if ended.message:
            typer.echo(f"note: {ended.message}")
        return await _version(bus, ended)


async def upload(blobs: Blobs, folder: Path) -> tuple[str, ...]:
    """Put a folder's images into the object store, by digest. Raises BadRequest when there are none."""
    paths = _images_in(folder) or _images_in(folder / "train" / "good")
    if not paths:
        raise BadRequest(f"there are no images in {folder}")
    room = asyncio.Semaphore(8)

    async def one(path: Path) -> str:
        async with room:
            data = await asyncio.to_thread(path.read_bytes)
            key = f"datasets/{sha256(data).hexdigest()}"
            await blobs.put(key, data, SUFFIXES[path.suffix.lower()])
            return key

    return tuple(await asyncio.gather(*(one(path) for path in paths)))


def _images_in(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


class Watch:
    """Shows one fit's progress until it ends."""

    def __init__(self, fit_id: str) -> None:
        self.fit_id = fit_id
        self._news: asyncio.Queue[FitProgress] = asyncio.Queue()

    async def heard(self, progress: Message, _delivery: Delivery) -> None:
        if isinstance(progress, FitProgress) and progress.fit_id == self.fit_id:
            self._news.put_nowait(progress)

    async def until_ended(self, bus: Service) -> FitProgress:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415 - as above

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns) as bar:
            task = bar.add_task("waiting for the training service", total=1.0)
            while True:
                progress = await self._next(bus)
                if progress is None:
                    continue
                text = f"{progress.stage}: {progress.message}" if progress.message else progress.stage
                bar.update(task, description=text[:60], completed=progress.fraction)
                if progress.state in _ENDED:
                    return progress

    async def _next(self, bus: Service) -> FitProgress | None:
        try:
            return await asyncio.wait_for(self._news.get(), _LOOK_SECONDS)
        except TimeoutError:
            try:
                return await bus.ask(training.FIT_STATUS, training.GetFit(fit_id=self.fit_id))
            except Refused:  # it waits behind another fit, or the service is away; it is not lost
                return None


async def _only_new() -> int:
    return -1


async def _version(bus: Service, ended: FitProgress) -> ModelVersion:
    models = await bus.ask(training.LIST, ListModels(station_id=ended.station_id, limit=500))
    return next(model for model in models.models if model.id == ended.version_id)
