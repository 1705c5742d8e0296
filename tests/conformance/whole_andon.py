"""Every service of Andon in one thread of this process, as clients meet them at two gateways."""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import bright_model
import httpx
from PIL import Image, ImageDraw
from pydantic import SecretStr

from andon.messaging import BusSettings, declare_topology
from andon.runtime import HttpSettings, serving
from andon.runtime.embedded import free_ports
from andon.runtime.registry import definition_of
from andon.storage import Blobs, Mongo, MongoSettings, S3Settings
from andon.testing import build
from andon.testing._servers import Servers
from andon.training.store import Versions

T = TypeVar("T")

START_SECONDS = 90.0
SERVICES = (
    "auth", "queue", "sync", "component-store", "inspection", "training", "alerting", "opcua-bridge",
    "gateway", "gateway",
)  # fmt: skip
"""Whoever is asked by others comes before them."""
UNLIMITED = {"login_per_minute": 100_000, "others_per_minute": 1_000_000, "patience": 10}
QUICK = {"passes": 1, "memory_kib": 64}
"""What a password's hash costs here."""
STATION = "line-1"
MODEL = "bright-1"


@dataclass(frozen=True)
class Place:
    """The servers that the services stand on, and a folder."""

    bus: BusSettings
    mongo: MongoSettings
    s3: S3Settings
    data: Path


@dataclass
class Andon:
    """Running services and the addresses of their gateways."""

    url: str
    other_url: str
    """Of the second gateway, which knows of the first what is on the bus and in the database."""
    place: Place
    _loop: asyncio.AbstractEventLoop = field(repr=False)

    def does(self, work: Coroutine[Any, Any, T], within: float = 30.0) -> T:
        """Run something beside the services, in their event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(within)


@contextmanager
def standing(servers: Servers, data: Path) -> Iterator[Andon]:
    """A whole Andon whose station `line-1` judges by a small real model.

    It has a broker and a database of its own and uses the session's object store. Batch jobs and cameras may
    read `pictures` in its folder.
    """
    broker, url = servers.fresh_nats()
    database, uri = servers.fresh_mongo()
    pictures = data / "pictures"
    pictures.mkdir()
    roots = {"roots": (pictures,)}
    try:
        broker.start()
        database.start()
        with _running(
            _place(servers, url, uri, data),
            limits=UNLIMITED,
            passwords=QUICK,
            batch=roots,
            camera=roots,
            opcua={"port": free_ports(1)[0], "anonymous": True},
        ) as andon:
            andon.does(_fitted(andon.place))
            _put_to_work(andon)
            yield andon
    finally:
        broker.kill()
        database.kill()


def _place(servers: Servers, url: str, uri: str, data: Path) -> Place:
    s3 = servers.s3()
    mark = secrets.token_hex(5)
    return Place(
        bus=BusSettings(url=url),
        mongo=MongoSettings(uri=uri, prefix=f"t{mark}"),
        s3=S3Settings(
            endpoint=s3.endpoint, access_key=s3.access_key, secret_key=SecretStr(s3.secret_key),
            secure=s3.secure, bucket=f"test-{mark}",
        ),
        data=data,
    )  # fmt: skip


@contextmanager
def _running(place: Place, **blocks: dict[str, Any]) -> Iterator[Andon]:
    started: Future[list[str]] = Future()
    loop = asyncio.new_event_loop()

    async def live() -> None:
        async with AsyncExitStack() as stack:
            await declare_topology(place.bus)
            ports = [(name, await _start(name, place, blocks, stack)) for name in SERVICES]
            started.set_result([f"http://127.0.0.1:{port}" for name, port in ports if name == "gateway"])
            await asyncio.Event().wait()

    lives = loop.create_task(live())

    def run() -> None:
        with asyncio.Runner(loop_factory=lambda: loop) as runner:
            try:
                runner.run(_outcome(lives))
            except Exception as error:
                if started.done():
                    raise
                started.set_exception(error)

    thread = threading.Thread(target=run, name="andon")
    thread.start()
    try:
        url, other_url = started.result(START_SECONDS)
        yield Andon(url, other_url, place, loop)
    finally:
        if thread.is_alive():
            loop.call_soon_threadsafe(lives.cancel)
        thread.join(30)
        assert not thread.is_alive(), "a service did not stop"


async def _outcome(lives: "asyncio.Task[None]") -> None:
    """Raises what ended it, unless it was told to."""
    with suppress(asyncio.CancelledError):
        await lives


async def _start(name: str, place: Place, blocks: dict[str, Any], stack: AsyncExitStack) -> int | None:
    definition = definition_of(name)
    given: dict[str, Any] = {
        "bus": place.bus, "mongo": place.mongo, "s3": place.s3, "data": place.data / name, "demo": True,
        "http": HttpSettings(port=0, drain=1), **blocks,
    }  # fmt: skip
    settings = definition.settings(
        **{block: value for block, value in given.items() if block in definition.settings.model_fields}
    )
    return (await stack.enter_async_context(serving(definition, settings))).http_port


async def _fitted(place: Place) -> None:
    """A model version, as a fit leaves it behind."""
    async with Blobs(place.s3) as blobs, Mongo(place.mongo) as mongo:
        model = (await bright_model.stored(blobs)).model_copy(update={"version_id": MODEL})
        await Versions(mongo).put(
            build.model_version(
                id=MODEL, name="bright", station_id=STATION, model=model, thresholds=bright_model.LIMITS
            )
        )


def _put_to_work(andon: Andon) -> None:
    with signed_in(andon) as client:
        scale = {"mm_per_pixel_x": 0.5, "mm_per_pixel_y": 0.2}
        assert client.put(f"/api/v1/stations/{STATION}", json=scale).status_code == 200
        assert client.post(f"/api/v1/models/{MODEL}/deploy").status_code == 200
        until(lambda: client.get(f"/api/v1/stations/{STATION}").json()["mode"] == "judge")


@contextmanager
def signed_in(
    andon: Andon, username: str = "admin", password: str = "admin", url: str = ""
) -> Iterator[httpx.Client]:
    """A client with an access token; of the first gateway, unless an address is given."""
    with httpx.Client(base_url=url or andon.url, timeout=30) as client:
        answer = client.post("/api/v1/auth/login", json={"username": username, "password": password})
        assert answer.status_code == 200, answer.text
        client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield client


def picture(spot: int | None = None, form: str = "jpeg", at: tuple[int, int] = (300, 100)) -> bytes:
    """A grey part; with a bright or dark `spot` of 100 pixels' side it is a bad one."""
    image = Image.new("RGB", (640, 512), (128, 128, 128))
    if spot is not None:
        left, top = at
        ImageDraw.Draw(image).rectangle((left, top, left + 99, top + 99), fill=(spot, spot, spot))
    buffer = BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


def inspected(client: httpx.Client, image: bytes, **fields: str) -> dict[str, Any]:
    """Post a part of STATION and give its record."""
    answer = client.post(
        "/api/v1/inspect",
        files={"file": ("part.jpg", image, "image/jpeg")},
        data={"station_id": STATION} | fields,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(look: Callable[[], T | None], within: float = 30.0) -> T:
    """What `look` gives once it is truthy."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"not within {within:g} s"
        time.sleep(0.05)
    return found
