"""Puts the gateway together."""

from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Self

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel, Field, model_validator
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute

from andon.contracts import FEED, Message, auth, config, inspection
from andon.gateway import cvlab, errors, ml_worker, openapi, page, visual_inspection
from andon.gateway.actions import Actions
from andon.gateway.answers import Answers
from andon.gateway.context import Gateway, NotebookSettings
from andon.gateway.envelope import Envelope
from andon.gateway.images import Images, ImageSettings
from andon.gateway.limits import Gate, Ledger, Limits, LimitSettings
from andon.gateway.principal import Door
from andon.gateway.realtime import sse, websocket
from andon.gateway.realtime.feed import Feed
from andon.gateway.realtime.pulse import Pulse
from andon.gateway.realtime.wellbeing import Wellbeing
from andon.gateway.uploads import UploadSettings
from andon.gateway.visual_inspection import PREFIX
from andon.gateway.visual_inspection.channels import channels
from andon.gateway.visual_inspection.health import looked
from andon.messaging import Current, Service
from andon.runtime import Application, HttpSettings, ServiceDefinition, Settings
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings

_FORM_ROOM = 1 << 20
_UNRECORDED = frozenset(
    {f"POST {PREFIX}/{path}" for path in ("inspect", "inspect/camera", "inspect/{id}/describe", "query")}
)
"""A part's record tells itself where it came from; a question changes nothing."""
_TOLD_BY_AUTH = tuple(f"{PREFIX}/{path}" for path in ("auth/", "users", "keys", "opcua/"))


class WebSettings(BaseModel):
    origins: tuple[str, ...] = ()
    """Origins of other web applications that may call this API; by default none."""
    inspect_timeout: float = 30.0
    """Seconds an uploaded image has to be judged."""
    ping_seconds: Annotated[float, Field(gt=0)] = 20.0
    """Between two keep-alives of /ws."""
    beat_seconds: Annotated[float, Field(gt=0)] = 30.0
    """Between two keep-alives of /api/events/stream and /api/ws."""
    dashboard: Path = page.DASHBOARD
    """Folder of the built dashboard."""


class GatewaySettings(Settings):
    http: HttpSettings = HttpSettings()
    mongo: MongoSettings = MongoSettings()
    s3: S3Settings = S3Settings()
    limits: LimitSettings = LimitSettings()
    uploads: UploadSettings = UploadSettings()
    images: ImageSettings = ImageSettings()
    web: WebSettings = WebSettings()
    notebooks: NotebookSettings = NotebookSettings()

    @model_validator(mode="after")
    def _demo_stays_at_home(self) -> Self:
        if self.demo and not _is_loopback(self.http.host):
            raise ValueError("the demo's credentials are well known: it listens on loopback only")
        return self


def build(settings: GatewaySettings) -> Application:
    bus = Service("gateway", settings.bus)
    blobs, mongo = Blobs(settings.s3), Mongo(settings.mongo)
    here = _gateway(bus, blobs, mongo, settings)
    actions = Actions(bus, _UNRECORDED | cvlab.UNRECORDED, _TOLD_BY_AUTH)
    bus.follows([auth.SESSION_ENDED, auth.KEY_CHANGED], here.door.hear, after=here.door.place)
    bus.follows(list(here.feed.channels), here.feed.hear, after=here.feed.place, stream=FEED)
    bus.follows(list(here.tasks.channels), here.tasks.hear, after=here.tasks.place, stream=FEED)
    bus.follows(list(here.helper.channels), here.helper.hear, after=here.helper.place, stream=FEED)
    here.configuration.follow()
    return Application(
        bus=bus,
        checks={"objects": blobs.ping},
        resources=[blobs, mongo],
        http=Envelope(
            web(here, settings.web.origins, settings.web.dashboard),
            body_bytes_at={
                f"{PREFIX}/inspect": settings.uploads.max_bytes + _FORM_ROOM,
                f"{PREFIX}/batch/jobs": settings.uploads.archive_bytes + _FORM_ROOM,
                f"{PREFIX}/datasets/imports": settings.uploads.archive_bytes + _FORM_ROOM,
                **cvlab.BODY_BYTES,
            },
            body_bytes_below={
                **cvlab.BODY_BYTES_BELOW,
                **ml_worker.body_bytes_below(settings.uploads.archive_bytes),
            },
            body_seconds=settings.uploads.seconds,
            body_seconds_at={
                f"{PREFIX}/batch/jobs": settings.uploads.archive_seconds,
                f"{PREFIX}/datasets/imports": settings.uploads.archive_seconds,
            },
            prefixes=(PREFIX, cvlab.PREFIX, ml_worker.PREFIX),
            on_answered=actions.answered,
        ),
        http_host=settings.http.host,
        http_port=settings.http.port,
        http_drain=settings.http.drain,
        background=[
            here.pulse.run,
            here.wellbeing.run,
            here.limits.run,
            here.configuration.read,
            actions.run,
        ],
    )


def web(here: Gateway, origins: Sequence[str] = (), dashboard: Path = page.DASHBOARD) -> FastAPI:
    """The web application: every surface with its routes."""
    app = FastAPI(
        title="Andon",
        version=here.version,
        description="Visual inspection: judge parts, read records, hear what happens.",
        docs_url=None,
        redoc_url=None,
        separate_input_output_schemas=False,
    )
    app.state.gateway = here
    app.router.routes.extend(_surfaces())
    page.mount(app, dashboard)
    errors.install(app)
    openapi.install(app)
    app.add_middleware(Gate, limits=here.limits, door=here.door)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["Authorization"]
        )
    return app


@cache
def _surfaces() -> Sequence[BaseRoute]:
    """The routes of every surface, made once in a process: FastAPI reads a signature for each of hundreds."""
    api = APIRouter(dependencies=[Depends(errors.plain_names)])
    for surface in (visual_inspection, cvlab, ml_worker):
        surface.add_to(api)
    api.include_router(websocket.routes)
    api.include_router(sse.routes)
    for _ in iter_route_contexts(api.routes):
        pass  # now instead of while the first request waits
    return api.routes


def described(settings: GatewaySettings) -> dict[str, Any]:
    """The OpenAPI document of a gateway with these settings; connects nothing."""
    bus, blobs, mongo = Service("gateway", settings.bus), Blobs(settings.s3), Mongo(settings.mongo)
    return web(_gateway(bus, blobs, mongo, settings)).openapi()


def _gateway(bus: Service, blobs: Blobs, mongo: Mongo, settings: GatewaySettings) -> Gateway:
    images = Images.opened(bus, blobs, settings.images)
    door = Door(bus)
    feed = Feed(bus, {**channels(images), **cvlab.CHANNELS})
    answers = Answers(bus)
    limits = Limits(Ledger.of(mongo.database("gateway")), settings.limits)
    pulse = Pulse(feed, read=_statistics_of(answers))
    tasks, helper = Feed(bus, ml_worker.CHANNELS), cvlab.feed_of(bus)
    door.on_ended += [feed.sign_out, tasks.sign_out, helper.sign_out]

    def react(message: Message) -> None:
        match message:
            case inspection.Inspection():
                images.remember(message)
                answers.drop()
                pulse.refresh_soon()
            case inspection.Deleted():
                images.forget(message.id)
                answers.drop()
                pulse.refresh_soon()
            case inspection.EvidenceRemoved():
                images.forget_all()
                answers.drop()

    feed.reactions.append(react)
    return Gateway(
        bus=bus,
        blobs=blobs,
        mongo=mongo,
        door=door,
        feed=feed,
        tasks=tasks,
        helper=helper,
        pulse=pulse,
        wellbeing=Wellbeing(feed, lambda: looked(bus, mongo, blobs)),
        answers=answers,
        limits=limits,
        configuration=_configuration(bus, limits),
        images=images,
        uploads=settings.uploads,
        version=version("andon-gateway"),
        demo=settings.demo,
        inspect_timeout=settings.web.inspect_timeout,
        ping_seconds=settings.web.ping_seconds,
        beat_seconds=settings.web.beat_seconds,
        notebooks=settings.notebooks,
    )


def _configuration(bus: Service, limits: Limits) -> Current[config.Document]:
    """The limits that people choose there hold from then on; the others stay as they were set."""
    own = limits.settings

    def take_over(document: config.Document) -> None:
        limits.settings = own.model_copy(update=document.chosen_in("limits"))

    return Current(
        bus,
        config.GET,
        config.GetDocument(),
        config.CHANGED,
        lambda document: document.order,
        on_change=[take_over],
    )


def _statistics_of(answers: Answers) -> Any:
    async def read() -> dict[str, Any]:
        found = await answers.ask(inspection.STATISTICS, inspection.GetStatistics(), seconds=1)
        return found.model_dump(mode="json")

    return read


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SERVICE = ServiceDefinition("gateway", GatewaySettings, build)
