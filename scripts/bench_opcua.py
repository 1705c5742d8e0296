"""What one OPC UA server process delivers, with node-opcua as the client, encrypted as in production.

The server is pinned to one core and the clients to others: notifications per second, how late they come, and
the server's share of its core. Then a hundred encrypted sessions, each with a few nodes.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "integration"))

from node_opcua import FOLDER, NotInstalled, install

from andon.contracts.auth import Permission
from andon.contracts.inspection import Decision
from andon.contracts.opcua import Budgets, CertificateUse, SignedInBy
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.settings import OpcuaSettings
from andon.opcua_bridge.adapters.trust import TrustList
from andon.opcua_bridge.adapters.visitors import Door, Visitor
from andon.opcua_bridge.domain.lines import Bucket, Last, StationState
from andon.opcua_bridge.domain.readings import View, readings

DOCUMENT = Path(__file__).parent.parent / "docs" / "opcua.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
NODES = 9
WARM_SECONDS = 4.0
PATIENCE = 240.0


@dataclass(frozen=True)
class Load:
    """What is asked of the server."""

    stations: int
    clients: int
    hertz: float
    publish_ms: int = 100

    @property
    def expected(self) -> float:
        """Notifications per second."""
        return self.stations * NODES * self.clients * self.hertz


@dataclass(frozen=True)
class Figures:
    """What came of it."""

    load: Load
    seconds: float
    delivered: int
    late_ms: Sequence[float]
    cpu: float
    """Cores of the server."""
    client_cpu: float
    """Cores of all clients: what it takes to be told so much, which may be the limit."""
    connect_seconds: float
    resident_mb: float

    def late(self, share: float) -> float:
        """What so many notifications are below, in ms."""
        ordered = sorted(self.late_ms)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")

    def row(self) -> str:
        load, each = self.load, 1e6 * self.seconds / max(1, self.delivered)
        return (
            f"| {load.stations} x {NODES} x {load.clients} x {load.hertz:g} Hz | "
            f"{self.delivered / self.seconds:,.0f} / {load.expected:,.0f} | "
            f"{self.late(0.5):.0f} / {self.late(0.9):.0f} / {self.late(0.99):.0f} | {self.cpu:.2f} | "
            f"{self.cpu * each:.1f} | {1e6 / max(1e-9, self.cpu * each):,.0f} | "
            f"{self.client_cpu * each:.1f} | {self.connect_seconds:.1f} s | {self.resident_mb:.0f} MB |"
        )


async def _everybody(name: str, _password: str, _address: str) -> Visitor | None:
    return Visitor(name=name, permissions=frozenset({Permission.VIEW_HISTORY}), by=SignedInBy.PASSWORD)


async def serve(folder: Path, port: int, load: Load) -> None:
    """The server process: the bridge's own server, written to as parts would."""
    budgets = Budgets(sessions=200, items=200_000, subscriptions=400)
    settings = OpcuaSettings(port=port, budgets=budgets, history_days=0, machine_vision=False)
    async with OpcuaServer(settings, folder, Door(_everybody)) as server:
        stations = [f"line-{number:03}" for number in range(load.stations)]
        for station in stations:
            await server.know(station)
        watching = asyncio.create_task(server.watch())
        print("ready", server.endpoint, flush=True)
        number, due = 0, time.monotonic()
        while True:
            number += 1
            for station in stations:
                await server.show(station, readings(_state(station, number), View(datetime.now(UTC))))
                await asyncio.sleep(0)
            due = max(due + 1 / load.hertz, time.monotonic())
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if watching.done():
                watching.result()


def _state(station: str, number: int) -> StationState:
    """All nine values differ from those before."""
    now = datetime.now(UTC)
    decision = (Decision.PASS, Decision.FAIL)[number % 2]
    last = Last(decision, (number % 100) / 100, number % 7, 5 + number % 11, now)
    passed = number % 97
    bucket = Bucket(int(now.timestamp() // 60), passed, 100)
    return StationState(station, number, number, number, last, (bucket,))


async def measure(load: Load, seconds: float, cores: tuple[int, Sequence[int]]) -> Figures:
    """One run with a server and clients of its own."""
    with tempfile.TemporaryDirectory(prefix="andon-bench-opcua-") as place:
        folder = Path(place)
        trust = TrustList(folder / "pki")
        trust.prepare()
        clients = await _clients(folder, load, cores[1])
        for each in clients:
            trust.trust(bytes.fromhex(await _line(each, "certificate")), CertificateUse.CLIENT, None)
        server = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--serve", json.dumps([place, load.stations, load.hertz]),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        psutil.Process(server.pid).cpu_affinity([cores[0]])
        try:
            return await _measured(server, clients, load, seconds)
        finally:
            for process in (*clients, server):
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()


async def _clients(folder: Path, load: Load, cores: Sequence[int]) -> list[asyncio.subprocess.Process]:
    """As many processes as there are cores for them, each with its share of the sessions."""
    count = max(1, min(len(cores), load.clients))
    shares = [load.clients // count + (number < load.clients % count) for number in range(count)]
    found: list[asyncio.subprocess.Process] = []
    for number, share in enumerate(shares):
        told = {"sessions": share, "stations": load.stations, "publish": load.publish_ms,
                "pki": str(folder / f"client-{number}")}  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            "node", "bench.js", json.dumps(told), cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, limit=1 << 26,
        )  # fmt: skip
        psutil.Process(process.pid).cpu_affinity([cores[number]])
        found.append(process)
    return found


async def _measured(
    server: asyncio.subprocess.Process, clients: list[asyncio.subprocess.Process], load: Load, seconds: float
) -> Figures:
    endpoint = (await _line(server, "ready")).strip()
    begun = time.monotonic()
    for each in clients:
        await _tell(each, {"connect": endpoint})
    for each in clients:
        await _line(each, "connected")
    connected = time.monotonic() - begun
    await asyncio.sleep(WARM_SECONDS)
    process, others = psutil.Process(server.pid), [psutil.Process(each.pid) for each in clients]
    for each in clients:
        await _tell(each, {"count": seconds})
    before, before_them, began = _spent(process), sum(map(_spent, others)), time.monotonic()
    counted = [json.loads(await _line(each, "counted")) for each in clients]
    took = time.monotonic() - began
    cpu, client_cpu = (_spent(process) - before) / took, (sum(map(_spent, others)) - before_them) / took
    late = [value for each in counted for value in each["late"]]
    delivered = sum(each["delivered"] for each in counted)
    spent = max(each["seconds"] for each in counted)
    resident = process.memory_info().rss / 1e6
    return Figures(load, spent, delivered, late, cpu, client_cpu, connected, resident)


def _spent(process: psutil.Process) -> float:
    """Seconds of CPU."""
    times = process.cpu_times()
    return times.user + times.system


async def _tell(process: asyncio.subprocess.Process, what: dict[str, Any]) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(what).encode() + b"\n")
    await process.stdin.drain()


async def _line(process: asyncio.subprocess.Process, word: str) -> str:
    """The rest of the next line that begins with a word."""
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE):
        while line := (await process.stdout.readline()).decode():
            if line.startswith(f"{word} "):
                return line.removeprefix(f"{word} ")
    raise RuntimeError(f"a process ended before it said {word}")


_HEADS = (
    "stations x nodes x clients",
    "delivered / expected per s",
    "late p50 / p90 / p99 ms",
    "server cores",
    "CPU us each",
    "of one core, per s",
    "clients' CPU us each",
    "connecting",
    "server memory",
)


def table(found: Sequence[Figures]) -> str:
    """For the document."""
    load = os.getloadavg()[0]
    ahead = os.sched_getscheduler(0) in {os.SCHED_FIFO, os.SCHED_RR}
    waited = ", of other work that had to wait (chrt -r 1)" if ahead else ""
    return "\n".join(
        [
            f"{psutil.cpu_count()} cores, load {load:.1f} at the end{waited}.",
            "Basic256Sha256 with SignAndEncrypt.",
            "",
            f"| {' | '.join(_HEADS)} |",
            "|" + "---|" * len(_HEADS),
            *(each.row() for each in found),
        ]
    )


def write(text: str) -> None:
    """Put the figures into the document."""
    before = DOCUMENT.read_text(encoding="utf-8")
    head, rest = before.split(BEGIN, 1)
    DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}", encoding="utf-8")


async def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15, help="to count for, each run")
    parser.add_argument("--short", action="store_true", help="only one small load, to see that it works")
    parser.add_argument("--from", dest="first", type=int, default=0, help="leave out so many of the loads")
    parser.add_argument("--to", dest="last", type=int, default=4, help="and those after so many")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/opcua.md")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.serve:
        place, stations, hertz = json.loads(wanted.serve)
        await serve(Path(place), 0, Load(stations, 0, hertz))
    try:
        install()
    except NotInstalled as why:
        parser.exit(2, f"scripts/bench opcua: {why}\n")
    every = sorted(psutil.Process().cpu_affinity())
    cores = every[0], every[1:] or every
    loads = [Load(50, 1, 10), Load(50, 5, 10), Load(50, 10, 10), Load(10, 100, 1, 500)]
    found: list[Figures] = []
    for load in loads[:1] if wanted.short else loads[wanted.first : wanted.last]:
        print(f"{load.stations} stations, {load.clients} clients, {load.hertz:g} Hz …", file=sys.stderr)
        found.append(await measure(load, wanted.seconds, cores))
        print(found[-1].row(), file=sys.stderr, flush=True)
    text = table(found)
    print(text)
    if wanted.write:
        write(text)


if __name__ == "__main__":
    asyncio.run(main())
