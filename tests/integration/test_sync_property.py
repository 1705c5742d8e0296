"""Whatever happens to files, wire and processes: in the end both sides have the same bytes."""

import asyncio
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from andon.contracts.sync import SyncStatus
from andon.gateway.cvlab.sync import sending
from andon.sync.client import FolderSync, GaveUp

sys.path.insert(0, str(Path(__file__).parent))
from sync_plant import Plant, ended, gateway, service

pytestmark = pytest.mark.long

NAMES = ("train.log", "metrics.csv", "model.pt", "sub/a.yaml")
SEEDS = st.integers(0, 2**16)


EVERYTHING = (
    *("append", "edit", "truncate", "rotate", "send", "be_interrupted", "forget", "be_killed"),
    *("lost", "unheard", "twice", "old"),
)
"""What has to have happened at least once before this proves anything."""
SIZES = st.integers(0, 90_000)
FEW = 6
MANY = (pytest.mark.slow, pytest.mark.timeout(3600))


def some(seed: int, size: int) -> bytes:
    """Bytes, and every other time three times as much text, which travels and is kept packed."""
    dice = random.Random(seed)
    if seed % 2:
        return dice.randbytes(size)
    lines = (f"step {number} loss {dice.random():.4f}\n" for number in range(size // 6 + 1))
    return "".join(lines).encode()[: 3 * size]


class Weather(httpx.AsyncBaseTransport):
    """The network: loses requests, loses answers, sends a request twice, and an old one once more."""

    def __init__(self, inner: httpx.AsyncBaseTransport, happened: Counter[str]) -> None:
        self.inner, self.happened = inner, happened
        self.storms: list[str] = []
        self.old: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        storm = self.storms.pop(0) if self.storms else ""
        self.happened[storm] += 1
        if storm == "lost":
            raise httpx.ConnectError("lost on the way")
        if storm == "twice":
            await self._aside(request)
        if storm == "old" and self.old:
            await self._aside(random.Random(len(self.old)).choice(self.old))
        if request.method == "PUT":
            self.old = [*self.old[-8:], request]
        answer = await self.inner.handle_async_request(request)
        if storm == "unheard":
            await answer.aread()
            await answer.aclose()
            raise httpx.ReadError("the answer was lost")
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def _aside(self, request: httpx.Request) -> None:
        answer = await self.inner.handle_async_request(request)
        await answer.aread()
        await answer.aclose()


class Folder(RuleBasedStateMachine):
    """Both sides, with everything that may come between them."""

    plant: Plant
    run: Callable[[Any], Any]
    kill: "staticmethod[[], Any]"
    happened: Counter[str]

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="andon-sync-"))
        self.uid = f"x{uuid4().hex}"
        for number, name in enumerate(NAMES):
            (self.root / name).parent.mkdir(exist_ok=True)
            (self.root / name).write_bytes(random.Random(number).randbytes(40_000 * number))
        self.run(self._open())

    async def _open(self) -> None:
        self.client = AsyncExitStack()
        self.work: FolderSync = await self.client.enter_async_context(self.plant.syncing(self.root, self.uid))
        http = self.work.server._http
        self.weather = Weather(http._transport, self.happened)
        http._transport = self.weather

    @rule(name=st.sampled_from(NAMES), seed=SEEDS, size=SIZES)
    def append(self, name: str, seed: int, size: int) -> None:
        self.happened["append"] += 1
        with (self.root / name).open("ab") as out:
            out.write(some(seed, size))

    @rule(name=st.sampled_from(NAMES), seed=SEEDS, part=st.floats(0, 1))
    def edit(self, name: str, seed: int, part: float) -> None:
        self.happened["edit"] += 1
        if size := (file := self.root / name).stat().st_size:
            with file.open("r+b") as out:
                out.seek(int(part * (size - 1)))
                out.write(random.Random(seed).randbytes(5))

    @rule(name=st.sampled_from(NAMES), part=st.floats(0, 1))
    def truncate(self, name: str, part: float) -> None:
        self.happened["truncate"] += 1
        file = self.root / name
        os.truncate(file, int(part * file.stat().st_size))

    @rule(name=st.sampled_from(NAMES), seed=SEEDS, size=SIZES)
    def rotate(self, name: str, seed: int, size: int) -> None:
        self.happened["rotate"] += 1
        file = self.root / name
        file.rename(file.with_name(f"{file.name}.1"))
        file.write_bytes(some(seed, size))

    @rule(storms=st.lists(st.sampled_from(["old", "lost", "unheard", "twice", ""]), min_size=2, max_size=6))
    def send(self, storms: list[str]) -> None:
        self.happened["send"] += 1
        self.weather.storms = storms
        self.run(self.work.pass_over())

    @rule(parts=st.integers(1, 4), storms=st.lists(st.sampled_from(["", "unheard", "old"]), max_size=3))
    def be_interrupted(self, parts: int, storms: list[str]) -> None:
        """The client's process ends somewhere in its work, and begins anew."""
        self.happened["be_interrupted"] += 1
        self.weather.storms = storms

        async def interrupted() -> None:
            work = asyncio.create_task(self.work.pass_over())
            await asyncio.wait({work}, timeout=0.004 * parts)
            work.cancel()
            await asyncio.wait({work})
            await self.client.aclose()
            await self._open()

        self.run(interrupted())

    @rule()
    def forget(self) -> None:
        """The client's disk lost its memory of what was sent."""
        self.happened["forget"] += 1
        self.work.ledger.drop([entry.path for entry in self.work.ledger])

    @rule(parts=st.integers(0, 8))
    def be_killed(self, parts: int) -> None:
        """The server's process is killed somewhere in its work, and another one takes its place."""
        self.happened["be_killed"] += 1

        async def killed() -> None:
            work = asyncio.create_task(self.work.pass_over())
            await asyncio.wait({work}, timeout=0.01 * parts)
            await self.kill()
            await work

        self.run(killed())

    def teardown(self) -> None:
        if not hasattr(self, "root"):
            return
        self.run(self._compare())
        shutil.rmtree(self.root)

    async def _compare(self) -> None:
        self.weather.storms = []
        files = {
            str(each.relative_to(self.root)): each.read_bytes()
            for each in self.root.rglob("*")
            if each.is_file() and ".andon-sync" not in each.parts
        }
        try:
            assert await self.work.finish() is SyncStatus.SYNCED
            for path, data in files.items():
                assert await self.plant.read(path, self.uid) == data, path
            state = await self.work.server.state(list(files), hashes=True) if files else {}
            assert {path: each.size for path, each in state.items()} == {
                path: len(data) for path, data in files.items()
            }
        except GaveUp as error:
            raise AssertionError("an outage had no end") from error
        finally:
            await self.client.aclose()


def proved(plant: Plant, examples: int, loop: asyncio.AbstractEventLoop, kill: Callable[[], Any]) -> None:
    Folder.plant, Folder.kill, Folder.happened = plant, staticmethod(kill), Counter()
    Folder.run = staticmethod(lambda work: asyncio.run_coroutine_threadsafe(work, loop).result(90))
    run_state_machine_as_test(
        Folder,
        settings=settings(
            max_examples=examples,
            stateful_step_count=20,
            phases=[Phase.generate],  # a race seldom fails twice: the first failure is told as it is
            deadline=None,
            derandomize=examples <= FEW,
            database=None,
            suppress_health_check=[
                HealthCheck.too_slow,
                HealthCheck.data_too_large,
                HealthCheck.large_base_example,
            ],
        ),
    )
    assert min(Folder.happened[what] for what in EVERYTHING) > 0, Folder.happened


# Clients on the other thread draw their jitter while an example is drawn here; no strategy does.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@pytest.mark.parametrize(
    "examples", [pytest.param(FEW, marks=pytest.mark.timeout(240)), pytest.param(150, marks=MANY)]
)
async def test_both_sides_have_the_same_bytes_in_the_end(
    bus_settings, mongo_settings, blob_settings, monkeypatch, examples
):
    monkeypatch.setattr(sending, "CHUNK_SECONDS", 1.0)
    monkeypatch.setattr(sending, "SECONDS", 2.0)
    async with gateway(bus_settings, mongo_settings, blob_settings) as plant:
        process = await service(plant)

        async def kill() -> None:
            nonlocal process
            await ended(process)
            process = await service(plant)

        try:
            loop = asyncio.get_running_loop()
            await asyncio.to_thread(proved, plant, examples, loop, kill)
        finally:
            await ended(process)
