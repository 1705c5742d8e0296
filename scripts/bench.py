"""The spine's speed and memory beside decoding and inference alone, in one run."""

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import demo
import httpx
import psutil
from demo import console, step
from pydantic_settings import BaseSettings, SettingsConfigDict

from andon.contracts import Message, inspection, station
from andon.contracts.inspection import FrameCaptured, Inspection
from andon.contracts.station import Evidence, ModelRef
from andon.inspection.camera.plate import PlateCamera
from andon.messaging import Delivery, Service
from andon.runtime import Settings
from andon.runtime.embedded import free_ports
from andon.runtime.state import StackState
from andon.serving import ModelFiles, Predictor, ServingSettings, decode, load, look
from andon.storage import Blobs, S3Settings

PLACE = "bench"
GOOD = 60
DIFFERENT = 80
IN_FLIGHT = 64
DOCUMENT = demo.ROOT / "docs" / "benchmarks.md"
PICTURE = demo.ROOT / "docs" / "benchmarks-spine.png"


class Stores(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="ANDON_", env_nested_delimiter="__", extra="ignore")
    s3: S3Settings = S3Settings()


@dataclass(frozen=True)
class Speed:
    """One way through, measured."""

    name: str
    parts: int
    seconds: float
    waits_ms: Sequence[float] = ()
    cpu_ms: float | None = None
    """Of the process that looks, per part."""

    @property
    def rate(self) -> float:
        return self.parts / self.seconds

    def at(self, share: float) -> float:
        """The wait that so many of the parts stay below, in ms."""
        ordered = sorted(self.waits_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


@dataclass
class Bench:
    """A running stack with a fitted station, and what was measured on it."""

    state: StackState
    bus: Service
    images: list[bytes]
    heard: dict[str, float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    run: int = 0

    async def hear(self, message: Message, _: Delivery) -> None:
        if isinstance(message, Inspection):
            self.heard.setdefault(message.frame_id, time.perf_counter())
            self.news.set()

    def inspector(self) -> psutil.Process:
        pid = self.state.services["inspection"].pid
        return psutil.Process(pid)

    async def over_bus(self, name: str, count: int, rate: float = 0) -> Speed:
        """Publish frames, as fast as the bus takes them or at a rate, and wait for all announcements."""
        self.run += 1
        said: dict[str, float] = {}
        gate = asyncio.Semaphore(IN_FLIGHT)

        async def one(number: int, data: bytes) -> None:
            frame = f"bench-{self.run}-{number}"
            async with gate:
                said[frame] = time.perf_counter()
                message = FrameCaptured(station_id=PLACE, frame_id=frame, part_id=frame)
                await self.bus.say(inspection.FRAME_CAPTURED, message, once=frame, body=data)

        before, began = _cpu(self.inspector()), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number, data in enumerate(islice(cycle(self.images), count)):
                group.create_task(one(number, data))
                if rate:
                    await asyncio.sleep(max(0, began + (number + 1) / rate - time.perf_counter()))
        while said.keys() - self.heard.keys():
            self.news.clear()
            async with asyncio.timeout(60):
                await self.news.wait()
        took = time.perf_counter() - began
        waits = [(self.heard[frame] - moment) * 1e3 for frame, moment in said.items()]
        return Speed(name, count, took, waits, (_cpu(self.inspector()) - before) * 1e3 / count)

    async def over_http(self, name: str, count: int, clients: int) -> Speed:
        """Upload images over REST with so many clients, each waiting for its answer."""
        async with httpx.AsyncClient(base_url=self.state.url or "", timeout=30) as client:
            login = await client.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"})
            client.headers["Authorization"] = f"Bearer {login.raise_for_status().json()['access_token']}"
            # As a line's camera would: with a key of its own and a limit that fits it.
            wanted = {"name": "bench", "scopes": ["inspect"], "rate_per_minute": 1_000_000}
            key = (await client.post("/api/v1/keys", json=wanted)).raise_for_status().json()["key"]
            client.headers["Authorization"] = f"Bearer {key}"
            work = iter(list(islice(cycle(self.images), count)))
            waits: list[float] = []

            async def one_client() -> None:
                for data in work:
                    moment = time.perf_counter()
                    files = {"file": ("part.jpg", data, "image/jpeg")}
                    reply = await client.post("/api/v1/inspect", files=files, data={"station_id": PLACE})
                    reply.raise_for_status()
                    waits.append((time.perf_counter() - moment) * 1e3)

            before, began = _cpu(self.inspector()), time.perf_counter()
            await asyncio.gather(*(one_client() for _ in range(clients)))
            took = time.perf_counter() - began
        return Speed(name, count, took, waits, (_cpu(self.inspector()) - before) * 1e3 / count)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


async def raw(name: str, model: Predictor, images: Iterable[bytes], rate: float = 0) -> Speed:
    """Decoding and inference alone: threads decode, one shared queue infers."""
    threads = ThreadPoolExecutor(2)
    loop, gate = asyncio.get_running_loop(), asyncio.Semaphore(IN_FLIGHT)
    waits: list[float] = []

    async def one(data: bytes) -> None:
        async with gate:
            moment = time.perf_counter()
            pixels = await loop.run_in_executor(threads, lambda: look(decode(data).pixels))
            await model.predict(pixels)
            waits.append((time.perf_counter() - moment) * 1e3)

    before, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number, data in enumerate(images):
            group.create_task(one(data))
            if rate:
                await asyncio.sleep(max(0, began + (number + 1) / rate - time.perf_counter()))
    took = time.perf_counter() - began
    threads.shutdown()
    return Speed(name, len(waits), took, waits, (time.process_time() - before) * 1e3 / len(waits))


async def predictor(ref: ModelRef) -> Predictor:
    """The station's own model, as the inspector loads it."""
    async with Blobs(Stores().s3) as blobs:
        fp32 = await blobs.get(ref.fp32.key)
        int8 = await blobs.get(ref.int8.key) if ref.int8 else None
    return await load(ModelFiles(fp32, int8), ServingSettings())


def resident(state: StackState) -> dict[str, float]:
    """MiB by process of the stack: PSS, where shared pages count once in all; "with shared" is their RSS."""
    parent = psutil.Process(state.pid)
    names = {service.pid: name for name, service in state.services.items()} | {parent.pid: "andon up"}
    found = {"with shared": 0.0}
    for each in (parent, *parent.children(recursive=True)):
        name, memory = names.get(each.pid) or each.name(), each.memory_full_info()
        found[name] = found.get(name, 0) + memory.pss / 2**20
        found["with shared"] += memory.rss / 2**20
    return found


async def with_stack(data: Path, work: Callable[[StackState], Awaitable[None]]) -> float:
    """Start the stack, do the work, stop it; gives the seconds until it was ready."""
    port, opcua = free_ports(2)
    options = argparse.Namespace(data=data, port=port, opcua_port=opcua)
    before, began = dict(os.environ), time.perf_counter()
    stack = demo.start_stack(options)
    try:
        state = await demo.ready(data, stack)
        took = time.perf_counter() - began
        await work(state)
    finally:
        os.environ.clear()  # of what this process took over to find the stack
        os.environ.update(before)
        await demo.stop_stack(stack)
    return took


async def measure(parts: int) -> None:
    speeds: list[Speed] = []
    facts: dict[str, float] = {}
    step(f"rendering {GOOD + DIFFERENT} plates")
    camera = PlateCamera(seed=7, defects=0.15, good_first=GOOD)
    good = list(islice(camera, GOOD))
    images = [shot.data for shot in islice(camera, DIFFERENT)]

    async def work(state: StackState) -> None:
        bus = Service("integrations", Settings().bus)
        bench = Bench(state, bus, images)

        async def only_new() -> int:
            return -1

        bus.follows((inspection.PART_JUDGED,), bench.hear, after=only_new)
        async with bus:
            await demo.teach(bus, Replay(good), PLACE, 0.1)
            known = await bus.ask(station.GET, station.GetStation(id=PLACE))
            if known.recipe is None or known.recipe.model is None:
                raise SystemExit("the station has no model")
            model = await predictor(known.recipe.model)
            await raw("warm-up", model, images)
            await bench.over_bus("warm-up", len(images))
            step("measuring")
            for _ in range(2):
                speeds.append(await raw("decode + inference alone", model, islice(cycle(images), parts)))
                speeds.append(await bench.over_bus("NATS, all evidence", parts))
            await bus.ask(station.PUT, station.PutStation(id=PLACE, evidence=Evidence(keep_passed=0.1)))
            speeds.append(await bench.over_bus("NATS, evidence of 10 % of the passed", parts))
            await bus.ask(station.PUT, station.PutStation(id=PLACE, evidence=Evidence()))
            speeds.append(await bench.over_http("HTTP, 1 client", parts // 3, 1))
            speeds.append(await bench.over_http("HTTP, 8 clients", parts, 8))
            speeds.append(await raw("decode + inference alone, 5/s", model, images[:60], rate=5))
            speeds.append(await bench.over_bus("NATS, all evidence, 5/s", 60, rate=5))
            await model.close()
            facts.update({f"RAM {name}": size for name, size in resident(state).items()})

    data = Path(tempfile.mkdtemp(prefix="andon-bench-"))
    try:
        facts["cold start to ready, s"] = await with_stack(data, work)
        facts["warm start to ready, s"] = await with_stack(data, nothing)
    finally:
        shutil.rmtree(data, ignore_errors=True)
    report(speeds, facts)


async def nothing(_: StackState) -> None:
    return


class Replay:
    """Shots rendered before, as a camera."""

    about = "rendered plates, 1280 x 1024"
    total = None

    def __init__(self, shots: list) -> None:
        self.good_first = len(shots)
        self._shots = iter(shots)

    def __iter__(self) -> "Replay":
        return self

    def __next__(self):  # noqa: ANN204 - a Shot
        return next(self._shots)


def report(speeds: list[Speed], facts: dict[str, float]) -> None:
    best: dict[str, Speed] = {}
    for speed in speeds:
        if speed.name not in best or speed.rate > best[speed.name].rate:
            best[speed.name] = speed
    limit = best["decode + inference alone"]
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores shared with the embedded servers,",
        "by `scripts/bench --write`: rendered plates of 1280 x 1024 (JPEG), INT8 on OpenVINO, the better",
        "of two runs.",
        "The embedded database is not MongoDB: these figures say nothing about what MongoDB would do.",
        "",
        "| way | parts/s | of the limit | p50 ms | p99 ms | CPU ms/part | looking's share of it |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, speed in best.items():
        share = f"{limit.cpu_ms / speed.cpu_ms:.2f}" if speed.cpu_ms and limit.cpu_ms else ""
        light = name.endswith("5/s")
        ratio = "" if light else f"{speed.rate / limit.rate:.2f}"
        lines.append(
            f"| {name} | {speed.rate:.1f} | {ratio} | {speed.at(0.5):.1f} | {speed.at(0.99):.1f} "
            f"| {speed.cpu_ms:.1f} | {'' if light else share} |"
        )
    alone, whole = best["decode + inference alone, 5/s"], best["NATS, all evidence, 5/s"]
    added = statistics.median(whole.waits_ms) - statistics.median(alone.waits_ms)
    memory = {name[4:]: size for name, size in facts.items() if name.startswith("RAM")}
    with_shared = memory.pop("with shared")
    lines += [
        "",
        f"- Added to decoding and inference at a light load: {added:.1f} ms p50, camera to announcement.",
        f"- Resident in all: {sum(memory.values()) / 1024:.2f} GiB ("
        + ", ".join(f"{name} {size:.0f} MiB" for name, size in memory.items())
        + f"); {with_shared / 1024:.2f} GiB where shared pages count in each process.",
        *(f"- {name}: {value:.1f}." for name, value in facts.items() if not name.startswith("RAM")),
    ]
    text = "\n".join(lines)
    console.print(text, markup=False, soft_wrap=True)
    if demo_args.write:
        write(text, best)


def write(text: str, best: dict[str, Speed]) -> None:
    """Put the table and its picture into the documents."""
    import matplotlib as mpl  # noqa: PLC0415 - only for the picture

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415 - after the backend is chosen

    names = [name for name in best if not name.endswith("5/s")]
    figure, axes = plt.subplots(figsize=(8, 2.8), layout="constrained")
    bars = axes.barh(names[::-1], [best[name].rate for name in names[::-1]], color="#2f7ed8")
    axes.bar_label(bars, fmt="%.0f", padding=3)
    axes.set_xlabel("parts a second on this machine")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURE, dpi=110)
    head, _, rest = DOCUMENT.read_text().partition("<!-- spine -->")
    _, _, tail = rest.partition("<!-- /spine -->")
    body = f"\n{text}\n\n![parts a second]({PICTURE.name})\n"
    DOCUMENT.write_text(f"{head}<!-- spine -->{body}<!-- /spine -->{tail}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--parts", type=int, default=600, help="per measurement (default 600)")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md and its picture")
    demo_args = parser.parse_args()
    asyncio.run(measure(demo_args.parts))
