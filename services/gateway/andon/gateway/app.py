"""Puts the gateway together."""

from collections.abc import Sequence
from importlib.metadata import version
from ipaddress import ip_address
from typing import Any, Self

from fastapi import FastAPI
from pydantic import BaseModel, model_validator
from starlette.middleware.cors import CORSMiddleware

from andon.contracts import FEED, Message, auth, inspection
from andon.gateway import errors, page
from andon.gateway.context import Gateway
from andon.gateway.envelope import Envelope
from andon.gateway.images import Images, ImageSettings
from andon.gateway.principal import Door
from andon.gateway.realtime import sse, websocket
from andon.gateway.realtime.feed import Feed
from andon.gateway.realtime.pulse import Pulse
from andon.gateway.uploads import UploadSettings
from andon.gateway.visual_inspection import PREFIX, routers
from andon.gateway.visual_inspection.channels import channels
from andon.messaging import Service
from andon.runtime import Application, HttpSettings, ServiceDefinition, Settings
from andon.storage import Blobs, S3Settings

_FORM_ROOM = 1 << 20


class WebSettings(BaseModel):
    origins: tuple[str, ...] = ()
    """Origins of other web applications that may call this API; by default none."""
    inspect_timeout: float = 30.0
    """Seconds an uploaded image has to be judged."""


class GatewaySettings(Settings):
    http: HttpSettings = HttpSettings()
    s3: S3Settings = S3Settings()
    uploads: UploadSettings = UploadSettings()
    images: ImageSettings = ImageSettings()
    web: WebSettings = WebSettings()

    @model_validator(mode="after")
    def _demo_stays_at_home(self) -> Self:
        if self.demo and not _is_loopback(self.http.host):
            raise ValueError("the demo's credentials are well known: it listens on loopback only")
        return self


def build(settings: GatewaySettings) -> Application:
    bus = Service("gateway", settings.bus)
    blobs = Blobs(settings.s3)
    here = _gateway(bus, blobs, settings)
    bus.follows([auth.SESSION_ENDED], here.door.hear, after=here.door.place)
    bus.follows(list(here.feed.channels), here.feed.hear, after=here.feed.place, stream=FEED)
    return Application(
        bus=bus,
        checks={"objects": blobs.ping},
        resources=[blobs],
        http=Envelope(
            web(here, settings.web.origins),
            body_bytes_at={f"{PREFIX}/inspect": settings.uploads.max_bytes + _FORM_ROOM},
            prefixes=(PREFIX,),
        ),
        http_host=settings.http.host,
        http_port=settings.http.port,
        http_drain=settings.http.drain,
        background=[here.pulse.run],
    )


def web(here: Gateway, origins: Sequence[str] = ()) -> FastAPI:
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
    for router in routers():
        app.include_router(router)
    app.include_router(websocket.routes)
    app.include_router(sse.routes)
    page.mount(app)
    errors.install(app)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["*"], allow_headers=["Authorization"]
        )
    return app


def _gateway(bus: Service, blobs: Blobs, settings: GatewaySettings) -> Gateway:
    images = Images.opened(bus, blobs, settings.images)
    door = Door(bus)
    feed = Feed(bus, channels(images))
    pulse = Pulse(feed, read=_statistics_of(bus))
    door.on_ended.append(feed.sign_out)

    def react(message: Message) -> None:
        match message:
            case inspection.Inspection():
                images.remember(message)
                pulse.refresh_soon()
            case inspection.Deleted():
                images.forget(message.id)
                pulse.refresh_soon()

    feed.reactions.append(react)
    return Gateway(
        bus=bus,
        blobs=blobs,
        door=door,
        feed=feed,
        pulse=pulse,
        images=images,
        uploads=settings.uploads,
        version=version("andon-gateway"),
        demo=settings.demo,
        inspect_timeout=settings.web.inspect_timeout,
    )


def _statistics_of(bus: Service) -> Any:
    async def read() -> dict[str, Any]:
        found = await bus.ask(inspection.STATISTICS, inspection.GetStatistics(), timeout=2)
        return found.model_dump(mode="json")

    return read


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SERVICE = ServiceDefinition("gateway", GatewaySettings, build)
