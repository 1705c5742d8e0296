"""How much later the last of many dashboards hears of a part than a single one does."""

import argparse
import asyncio
import json
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

import bench
import demo
import httpx
from demo import console, step
from websockets.asyncio.client import ClientConnection, connect

from andon.contracts import inspection
from andon.contracts.inspection import FrameCaptured
from andon.inspection.camera.plate import PlateCamera
from andon.messaging import Service
from andon.runtime import Settings
from andon.runtime.state import StackState

RATE = 10.0
"""Parts a second."""


@dataclass
class Audience:
    """So many dashboards, and when each of them heard of each part."""

    heard: dict[str, list[float]] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            moment = time.perf_counter()
            message = json.loads(text)
            if message["type"] == "inspection":
                self.heard.setdefault(message["data"]["frame_id"], []).append(moment)
                self.news.set()


def at(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def watched(
    state: StackState, bus: Service, images: list[bytes], clients: int, count: int
) -> list[float]:
    """Delays in ms from a frame's publication to each dashboard's hearing of its part."""
    url = state.url or ""
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        login = await client.post("/api/v1/auth/login", json={"username": "admin", "password": "admin"})
        token = login.raise_for_status().json()["access_token"]
    audience, said = Audience(), dict[str, float]()
    address = f"{url.replace('http', 'ws', 1)}/ws/dashboard?token={token}"
    sockets = [await connect(address, compression=None) for _ in range(clients)]
    listening = [asyncio.create_task(audience.listen(socket)) for socket in sockets]
    began = time.perf_counter()
    for number, data in enumerate(islice(cycle(images), count)):
        frame = f"live-{clients}-{os.urandom(4).hex()}-{number}"
        said[frame] = time.perf_counter()
        message = FrameCaptured(station_id=bench.PLACE, frame_id=frame, part_id=frame)
        await bus.say(inspection.FRAME_CAPTURED, message, once=frame, body=data)
        await asyncio.sleep(max(0, began + (number + 1) / RATE - time.perf_counter()))
    async with asyncio.timeout(60):
        while any(len(audience.heard.get(frame, ())) < clients for frame in said):
            audience.news.clear()
            await audience.news.wait()
    for socket in sockets:
        await socket.close()
    await asyncio.gather(*listening)
    return [(moment - said[frame]) * 1e3 for frame in said for moment in audience.heard[frame]]


async def measure(clients: int, count: int) -> None:
    step("rendering plates")
    camera = PlateCamera(seed=7, defects=0.15, good_first=bench.GOOD)
    good = list(islice(camera, bench.GOOD))
    images = [shot.data for shot in islice(camera, 40)]

    async def work(state: StackState) -> None:
        bus = Service("integrations", Settings().bus)
        async with bus:
            await demo.teach(bus, bench.Replay(good), bench.PLACE, 0.1)
            await watched(state, bus, images, 1, 40)  # warm
            step("measuring")
            found = {many: await watched(state, bus, images, many, count) for many in (1, clients)}
        for many, delays in found.items():
            line = f"{many:4} dashboards: p50 {at(delays, 0.5):.1f} ms, p99 {at(delays, 0.99):.1f} ms"
            console.print(f"{line} from the camera, {RATE:g} parts/s", markup=False)
        added = at(found[clients], 0.99) - at(found[1], 0.99)
        console.print(f"{clients} dashboards add {added:.1f} ms at p99", markup=False)

    data = Path(tempfile.mkdtemp(prefix="andon-bench-"))
    try:
        await bench.with_stack(data, work)
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/bench live", description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--parts", type=int, default=150)
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.clients, chosen.parts))
