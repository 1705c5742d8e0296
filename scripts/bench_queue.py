"""The queue's speed beside taskiq over NATS and Celery over Redis, in one run, everything kept on disk.

Empty jobs per second from submit to done, and milliseconds from submit to start with idle agents, with 1 and
4 agents; then again with many jobs waiting. Redis must be installed; the peers get an environment of their
own.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).parent / "queue_peers"))

from figures import Figures, table, write
from moments import ADDRESS, Ear
from servers import PEERS, peers, processes, redis, strict
from waiting import fill, seen

from andon.contracts import Refused, queue
from andon.contracts.queue import GetSettings, NewJob, SubmitMany
from andon.messaging import BusSettings, Service, declare_topology
from andon.queue.domain.ids import new_id
from andon.runtime.embedded import (
    NatsOptions,
    free_ports,
    mongo_uri,
    nats_server,
    secantus_server,
)

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "benchmarks.md"
AGENTS = (1, 4)
BATCH = 50
IN_FLIGHT = 4
PATIENCE = 120
QUIET_PERCENT = 20


@dataclass(frozen=True)
class Run:
    """Where everything is, and how much of it is wanted."""

    folder: Path
    bus: str
    database: str
    jobs: int
    trials: int

    @property
    def socket(self) -> Path:
        return self.folder / "moments"

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, ADDRESS: str(self.socket), "BENCH_NATS_URL": self.bus}


def celery(run: Run, python: Path, agents: int) -> Figures:
    bin_ = python.parent
    with redis(run.folder / f"redis-{time.monotonic_ns()}") as port:
        env = {**run.env, "BENCH_REDIS_PORT": str(port), "PYTHONPATH": str(PEERS)}
        options = ["worker", "--pool", "solo", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        each = [str(bin_ / "celery"), "-A", "celery_peer", *options, "-l", "ERROR"]
        with processes([[*each, "-n", f"w{number}@here"] for number in range(agents)], env):
            script = [str(python), "celery_peer.py", str(agents), str(run.trials), str(run.jobs)]
            return answered(script, env)


def taskiq(run: Run, python: Path, agents: int) -> Figures:
    """With one message a fetch; a worker that is alone is also tried with many.

    Of several workers that fetch many, those whose fetch ends lose messages for as long as `ack_wait`.
    """
    found = Figures()
    for fetch, trials in ((1, run.trials), (64, 0))[: 2 if agents == 1 else 1]:
        env = {**run.env, "BENCH_FETCH": str(fetch), "PYTHONPATH": str(PEERS)}
        options = ["--workers", "1", "--ack-type", "when_saved", "--max-async-tasks", "256"]
        each = [str(python.parent / "taskiq"), "worker", "taskiq_peer:broker", *options]
        with processes([each] * agents, env):
            one = answered([str(python), "taskiq_peer.py", str(agents), str(trials), str(run.jobs)], env)
        found.rates += one.rates
        found.waits += one.waits
    return found


def answered(script: list[str], env: dict[str, str]) -> Figures:
    done = subprocess.run(script, env=env, cwd=PEERS, check=True, stdout=subprocess.PIPE, timeout=600)
    found = json.loads(done.stdout.decode().splitlines()[-1])
    return Figures([found["rate"]] if "rate" in found else [], found.get("waits", []))


async def ready(bus: Service) -> None:
    for _ in range(PATIENCE):
        try:
            await bus.ask(queue.SETTINGS_GET, GetSettings(), timeout=2)
        except Refused:
            await asyncio.sleep(0.5)
        else:
            return


async def submit(bus: Service, jobs: list[NewJob]) -> None:
    done = await bus.ask(queue.SUBMIT_MANY, SubmitMany(jobs=tuple(jobs)), timeout=PATIENCE)
    refused = [result.problem for result in done.results if result.problem is not None]
    if refused:
        raise SystemExit(f"{len(refused)} refused: {refused[0].message}")


async def in_turn(bus: Service, batches: list[list[NewJob]]) -> None:
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one(batch: list[NewJob]) -> None:
        async with gate:
            await submit(bus, batch)

    await asyncio.gather(*(one(batch) for batch in batches))


async def waits(bus: Service, ear: Ear, trials: int) -> list[float]:
    found: list[float] = []
    for number in range(trials):
        await asyncio.sleep(0.02)
        began = time.monotonic_ns()
        job = NewJob(id=new_id(datetime.now(UTC)), name=str(number))
        await bus.ask(queue.SUBMIT, job, timeout=PATIENCE)
        while (told := await asyncio.to_thread(ear.next))[0] != str(number):
            pass
        found.append((told[1] - began) / 1e6)
    return found


async def rate(bus: Service, ear: Ear, jobs: int) -> float:
    began, left = time.monotonic(), jobs
    batches = [[NewJob(name="empty") for _ in range(BATCH)] for _ in range(jobs // BATCH)]
    submitting = asyncio.ensure_future(in_turn(bus, batches))
    while left > 0:
        told, _, _ = await asyncio.to_thread(ear.next)
        left -= int(told.removeprefix("done=")) if told.startswith("done=") else 0
    await submitting
    return jobs / (time.monotonic() - began)


async def drained(ear: Ear) -> None:
    """Nothing of an earlier measurement is told any more."""
    while True:
        try:
            await asyncio.to_thread(ear.next, 0.5)
        except TimeoutError:
            return


async def andon(run: Run, bus: Service, agents: int) -> Figures:
    command = [sys.executable, "agent.py", "--bus", run.bus, "--device"]
    ear = Ear(run.socket)
    try:
        with processes([[*command, f"agent-{number}"] for number in range(agents)], run.env):
            await in_turn(bus, [[NewJob(name="empty")] for _ in range(agents)])
            for _ in range(PATIENCE):
                known = (await bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=10)).devices
                if sum(each.id.startswith("agent-") for each in known) >= agents:
                    break
                await asyncio.sleep(0.5)
            await drained(ear)
            found = Figures(waits=await waits(bus, ear, run.trials))
            await drained(ear)
            found.rates.append(await rate(bus, ear, run.jobs))
            return found
    finally:
        ear.close()


def resident(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


@dataclass
class Bench:
    """One run: what was measured, and of what."""

    run: Run
    bus: Service
    rounds: int
    figures: dict[tuple[str, int], Figures] = field(default_factory=dict[tuple[str, int], Figures])
    facts: dict[str, float] = field(default_factory=dict[str, float])

    def keep(self, name: str, agents: int, found: Figures) -> None:
        known = self.figures.setdefault((name, agents), Figures())
        known.rates += found.rates
        known.waits += found.waits
        spread = f"p50 {known.at(0.5):.1f} p99 {known.at(0.99):.1f} ms"
        print(f"{name}, {agents} agents: {found.rate:.0f}/s, {spread}", flush=True)

    def service(self) -> AbstractContextManager[list[psutil.Process]]:
        env = {**os.environ, "ANDON_BUS__URL": self.run.bus, "ANDON_MONGO__URI": self.run.database}
        return processes([[sys.executable, "-m", "andon.runtime.service", "queue"]], env)

    async def beside(self, python: Path | None) -> None:
        """With nothing waiting, and the peers in turn with it."""
        with self.service() as (service,):
            await ready(self.bus)
            self.facts["Resident when idle, MiB"] = resident(service)
            for agents in AGENTS * self.rounds:
                self.keep("Andon", agents, await andon(self.run, self.bus, agents))
                if python is not None:
                    for name, peer in PEERS_BY_NAME.items():
                        self.keep(name, agents, await asyncio.to_thread(peer, self.run, python, agents))
            self.facts["Resident after these runs, MiB"] = resident(service)

    async def full(self, waiting: int) -> None:
        """The same over a queue that is full."""
        await fill(self.run.database, waiting)
        with self.service() as (service,):
            await ready(self.bus)
            await seen(self.bus)
            while await asyncio.to_thread(service.cpu_percent, 2) > QUIET_PERCENT:
                pass  # it reads the rest of what waits
            for agents in AGENTS * self.rounds:
                self.keep(f"Andon, {waiting:,} waiting", agents, await andon(self.run, self.bus, agents))
            self.facts[f"Resident with {waiting:,} waiting, MiB"] = resident(service)


PEERS_BY_NAME = {"Celery, Redis": celery, "taskiq, NATS": taskiq}


async def measure(run: Run, wanted: argparse.Namespace) -> None:
    python = None if wanted.alone else await asyncio.to_thread(peers)
    settings = BusSettings(url=run.bus)
    await declare_topology(settings)
    load = os.getloadavg()[0]
    async with Service("gateway", settings) as bus:
        bench = Bench(run, bus, wanted.rounds)
        await bench.beside(python)
        if wanted.waiting:
            await bench.full(wanted.waiting)
    about = f"load {load:.1f} to {os.getloadavg()[0]:.1f}, the better of {wanted.rounds} rounds"
    text = table(bench.figures, bench.facts, about)
    print(text)
    if wanted.write:
        write(text, DOCUMENT)


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench queue", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000, help="per measurement")
    parser.add_argument("--trials", type=int, default=200, help="of submit to start, per measurement")
    parser.add_argument("--waiting", type=int, default=100_000, help="jobs that wait meanwhile")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        nats_port, mongo_port = free_ports(2)
        broker = nats_server(folder / "nats", NatsOptions(nats_port, folder / "nats" / "store"))
        for server in (strict(broker, folder / "nats"), secantus_server(folder / "mongo", mongo_port)):
            server.start()
            stack.callback(server.kill)
        bus, database = f"nats://127.0.0.1:{nats_port}", mongo_uri(mongo_port)
        run = Run(folder, bus, database, wanted.jobs, wanted.trials)
        asyncio.run(measure(run, wanted))


if __name__ == "__main__":
    main()
