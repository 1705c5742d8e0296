"""Learning models from what people labelled, and the evidence they come with."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from andon.contracts import Conflict, Name, NotFound, learning, training
from andon.contracts.learning import LabelledImage, Place, RunKind, RunState, Trainer
from andon.contracts.training import Head
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView
from andon.gateway.visual_inspection.views import DeployedView, deployed_view

routes = APIRouter(prefix="/training", tags=["training"])

_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/html": {}}, "description": "A page that loads nothing from elsewhere."}
}
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox"
_START_SECONDS = 30.0


class TrainingBody(BaseModel):
    """What to learn; with neither dataset nor images, from what people have annotated so far."""

    epochs: Annotated[int, Field(ge=1, le=10_000)] = 10
    batch_size: Annotated[int, Field(ge=1, le=1024)] = 2
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-4
    model_name: Annotated[str, Field(max_length=200)] = ""
    """Of the version that comes out."""
    kind: RunKind | None = None
    """By default the classes of defects where the station has a model, else a model of good parts."""
    station_id: Name = "default"
    dataset_version: Annotated[str, Field(max_length=128)] | None = None
    images: Annotated[tuple[LabelledImage, ...], Field(max_length=5000)] = ()
    head: Head = Head.AUTO
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    sure_above: Annotated[float, Field(ge=0, le=1)] = 0.5
    steps: Annotated[int, Field(ge=0, le=20_000)] = 0
    """Gradient steps of a detector at most; 0: as its parts want."""
    trainer: Trainer = Trainer.NUMPY
    """Of a detector: `torch` learns the backbone's upper half, too, where an agent or the service has it."""
    place: Place = Place.AUTO
    deploy: bool = False


class RunView(BaseModel):
    """A training job."""

    id: str
    status: RunState
    kind: RunKind
    station_id: str
    model_name: str
    progress: float
    """0 to 1."""
    message: str
    place: Place
    job_id: str | None
    """On the queue."""
    epochs: int
    batch_size: int
    learning_rate: float
    images: int
    held_out: int
    dataset_version: str | None
    parent: str | None
    metrics: dict[str, float]
    train_loss: float | None
    val_loss: float | None
    best_map: float | None
    """mAP at an overlap of half."""
    curves: dict[str, list[float]]
    logs: list[str]
    """The last 20 lines."""
    notes: list[str]
    version_id: str | None
    repeat: learning.Repeat | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    requested_by: str


class RunsView(BaseModel):
    jobs: list[RunView]


class StatusView(BaseModel):
    is_training: bool
    current: RunView | None
    """The one that runs, else the last one."""


class DeployRunBody(BaseModel):
    station_ids: Annotated[tuple[Name, ...], Field(max_length=200)] = ()
    """By default the station that the version was learned for."""


def run_view(run: learning.Run) -> dict[str, Any]:
    """As clients of this API know it."""
    told = run.model_dump(mode="json")
    return {
        **{name: told[name] for name in RunView.model_fields if name in told},
        "status": told["state"],
        "model_name": run.name,
        "progress": run.fraction,
        "epochs": run.parameters.epochs,
        "batch_size": run.parameters.batch_size,
        "learning_rate": run.parameters.learning_rate,
        "train_loss": run.metrics.get("train_loss"),
        "val_loss": run.metrics.get("val_loss"),
        "best_map": run.metrics.get("best_map", run.metrics.get("map50")),
        "completed_at": told["ended_at"],
    }


@routes.post("/start", response_model=RunView, status_code=202, responses=may(400, 404, 422, 503))
async def start(body: TrainingBody, who: MayConfigure, here: Here) -> dict[str, Any]:
    """Begin to learn; on the queue while an agent lives, in the training service otherwise."""
    question = parsed(
        learning.StartRun,
        kind=body.kind or await _kind_for(body.station_id, here),
        station_id=body.station_id,
        name=body.model_name,
        dataset_version=body.dataset_version,
        images=body.images,
        parameters=body.model_dump(include=set(learning.Parameters.model_fields)),
        place=body.place,
        deploy=body.deploy,
        requested_by=who.username,
    )
    return run_view(await here.bus.ask(learning.START, question, timeout=_START_SECONDS))


@routes.get("/status", response_model=StatusView)
async def status(_who: MayView, here: Here, station_id: Name | None = None) -> dict[str, Any]:
    """What is being learned now, or was learned last."""
    runs = await _runs(here, station_id=station_id, limit=50)
    live = [run for run in runs if run.state in (RunState.RUNNING, RunState.QUEUED)]
    current = next((run for run in live if run.state is RunState.RUNNING), None) or next(
        iter(live or runs), None
    )
    return {"is_training": bool(live), "current": current and run_view(current)}


@routes.post("/stop", response_model=RunView, responses=may(404, 409, 503))
async def stop(who: MayConfigure, here: Here, station_id: Name | None = None) -> dict[str, Any]:
    """End what is being learned now; its result is thrown away."""
    runs = await _runs(here, station_id=station_id, limit=50)
    for wanted in (RunState.RUNNING, RunState.QUEUED):
        for run in runs:
            if run.state is wanted:
                return await cancel(run.id, who, here)
    raise Conflict("Nothing is being learned.")


@routes.post("/jobs", response_model=RunView, status_code=202, responses=may(400, 404, 422, 503))
async def submit(body: TrainingBody, who: MayConfigure, here: Here) -> dict[str, Any]:
    """The same as start."""
    return await start(body, who, here)


@routes.get("/jobs", response_model=RunsView)
async def jobs(
    _who: MayView,
    here: Here,
    station_id: Name | None = None,
    status: RunState | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """Training jobs, newest first."""
    found = await _runs(here, station_id=station_id, state=status, limit=limit)
    return {"jobs": [run_view(run) for run in found]}


@routes.get("/jobs/{id}", response_model=RunView, responses=may(404))
async def job(id: str, _who: MayView, here: Here) -> dict[str, Any]:  # noqa: A002 - its name in the API
    """One training job with its curves and last lines."""
    return run_view(await here.bus.ask(learning.GET, parsed(learning.GetRun, id=id)))


@routes.post("/jobs/{id}/cancel", response_model=RunView, responses=may(404, 503))
async def cancel(id: str, who: MayConfigure, here: Here) -> dict[str, Any]:  # noqa: A002 - as above
    """End a training job; one that has ended is answered as it is."""
    question = parsed(learning.StopRun, id=id, by=who.username)
    return run_view(await here.bus.ask(learning.STOP, question, timeout=_START_SECONDS))


@routes.post("/jobs/{id}/deploy", response_model=DeployedView, responses=may(404, 409, 422, 503))
async def deploy(
    id: str,  # noqa: A002 - as above
    who: MayConfigure,
    here: Here,
    body: DeployRunBody | None = None,
) -> dict[str, Any]:
    """Let stations judge by the version that the job made."""
    run = await here.bus.ask(learning.GET, parsed(learning.GetRun, id=id))
    if run.version_id is None:
        raise Conflict(f"{id} has made no version: it is {run.state.value}.")
    stations = body.station_ids if body and body.station_ids else (run.station_id,)
    question = parsed(training.DeployModel, version_id=run.version_id, station_ids=stations, by=who.username)
    return deployed_view(await here.bus.ask(training.DEPLOY, question, timeout=60))


@routes.get("/evaluations/{version_id}", response_model=learning.Evaluation, responses=may(404))
async def evaluation(version_id: str, _who: MayView, here: Here) -> learning.Evaluation:
    """How a version did on parts that nothing of it was learned from."""
    return await here.bus.ask(learning.EVALUATION, parsed(learning.GetEvaluation, version_id=version_id))


@routes.get("/evaluations/{version_id}/report", response_class=Response, responses=_PAGE | may(404, 503))
async def evaluation_report(version_id: str, who: MayView, here: Here) -> Response:
    """The same as a page, with the worst misses."""
    found = await evaluation(version_id, who, here)
    if not found.report_key:
        raise NotFound(f"There is no report on {version_id}.")
    page = await here.blobs.get(found.report_key)
    return Response(page, media_type="text/html", headers={"Content-Security-Policy": _POLICY})


async def _runs(here: Gateway, **wanted: Any) -> tuple[learning.Run, ...]:
    return (await here.bus.ask(learning.LIST, parsed(learning.ListRuns, **wanted))).runs


async def _kind_for(station_id: str, here: Gateway) -> RunKind:
    """A station without a model learns what good parts look like first."""
    found = await here.bus.ask(training.LIST, training.ListModels(station_id=station_id, limit=1))
    return RunKind.REGIONS if found.models else RunKind.ANOMALY
