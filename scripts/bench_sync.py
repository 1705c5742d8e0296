"""Sync's speed: a growing log beside a TCP copy and rsync, many small files beside rsync, in one run.

python scripts/bench_sync.py [--mib N] [--rounds N] [--files N] [--write]
"""

import argparse
import asyncio
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Generator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import psutil
from minio import Minio

from andon.contracts import auth
from andon.contracts.auth import Role, User
from andon.contracts.sync import SyncStatus
from andon.messaging import BusSettings, Service, declare_topology
from andon.runtime.embedded import (
    LOOPBACK,
    NatsOptions,
    S3Keys,
    SeaweedPorts,
    SeaweedServer,
    free_ports,
    mongo_uri,
    nats_server,
    secantus_server,
)
from andon.security import Signer, new_private_key
from andon.sync.client import FolderSync, Ledger, Patience, Server
from andon.sync.client.ledger import FOLDER

T = TypeVar("T")
MIB = 1 << 20
PATIENCE = 60.0
QUICK, SAFE, STORED = "TCP copy", "TCP copy, on the disk", "TCP copy, on the disk and in the store"
WAYS = (QUICK, SAFE, STORED)
"""What a copy has done with a piece when it acknowledges it."""
DOCUMENT = Path("docs/benchmarks.md")


@dataclass
class Plant:
    """A gateway and a sync, each a process of its own, on embedded servers."""

    url: str
    key: str
    names: dict[str, str]
    """Where its servers are, as environment."""
    processes: dict[str, psutil.Process]
    peaks: dict[str, int] = field(default_factory=dict[str, int])

    @asynccontextmanager
    async def syncing(self, root: Path, uid: str, url: str = "") -> AsyncGenerator[FolderSync]:
        with Ledger(root / FOLDER, self.url, uid) as ledger:
            async with Server(url or self.url, self.key, uid, ledger.writer, Patience(total=300)) as server:
                work = FolderSync(root, server, ledger)
                await work.register()
                yield work

    def cpu(self) -> float:
        """Seconds of all of its processes, and of this one, that is the client."""
        own = psutil.Process()
        return sum(sum(each.cpu_times()[:2]) for each in (*self.processes.values(), own))

    async def look(self) -> None:
        """Remember the most memory that each has had."""
        while True:
            for name, process in self.processes.items():
                self.peaks[name] = max(self.peaks.get(name, 0), process.memory_info().rss)
            await asyncio.sleep(0.05)


@contextmanager
def servers(folder: Path) -> Generator[tuple[dict[str, str], dict[str, psutil.Process]]]:
    """Bus, database and object store; their addresses as environment."""
    nats_port, mongo_port = free_ports(2)
    ports, keys = SeaweedPorts.free(), S3Keys("bench", "bench-secret")
    started = {
        "nats": nats_server(folder / "nats", NatsOptions(nats_port, folder / "nats/store")),
        "mongo": secantus_server(folder / "mongo", mongo_port),
        "s3": SeaweedServer(folder / "s3", ports, keys),
    }
    names = {
        "ANDON_BUS__URL": f"nats://{LOOPBACK}:{nats_port}",
        "ANDON_MONGO__URI": mongo_uri(mongo_port),
        "ANDON_S3__ENDPOINT": f"{LOOPBACK}:{ports.s3}",
        "ANDON_S3__ACCESS_KEY": keys.access,
        "ANDON_S3__SECRET_KEY": keys.secret,
        "ANDON_DATA": str(folder / "data"),
        "ANDON_LIMITS__OTHERS_PER_MINUTE": "10000000",
        "ANDON_TELEMETRY__LEVEL": "warning",
    }
    try:
        for server in started.values():
            server.start()
        yield names, {name: psutil.Process(server.pid) for name, server in started.items() if server.pid}
    finally:
        for server in started.values():
            server.kill()


@contextmanager
def services(names: dict[str, str], folder: Path) -> Generator[tuple[int, dict[str, psutil.Process]]]:
    """Gateway and sync as processes; the gateway's port."""
    (port,) = free_ports(1)
    told = {name: folder / f"{name}.json" for name in ("gateway", "sync")}
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-m", "andon.runtime.service", name],
            env={**os.environ, **names, "ANDON_HTTP__PORT": str(port), "ANDON_HEALTH__ANNOUNCE": str(file)},
        )
        for name, file in told.items()
    }
    try:
        end = time.monotonic() + PATIENCE
        while not all(file.exists() for file in told.values()):
            if time.monotonic() > end:
                raise TimeoutError("the services did not start")
            time.sleep(0.1)
        yield port, {name: psutil.Process(process.pid) for name, process in processes.items()}
    finally:
        for process in processes.values():
            process.terminate()
        for process in processes.values():
            process.wait(20)


@asynccontextmanager
async def plant(names: dict[str, str], folder: Path) -> AsyncGenerator[Plant]:
    """All of it, with somebody who says which keys are good."""
    settings = BusSettings(url=names["ANDON_BUS__URL"])
    signer = Signer(new_private_key(), lifetime=24 * 3600)
    keys = Service("auth", settings)
    await declare_topology(settings)

    async def public(*_: object) -> auth.Keys:
        return auth.Keys(keys=(signer.public,))

    async def ended(*_: object) -> auth.EndedSessions:
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, ended)
    user = User(id="u1", username="worker", roles=(Role.OPERATOR,), created_at=datetime.now(UTC))
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(keys)
        port, processes = await asyncio.to_thread(stack.enter_context, services(names, folder))
        yield Plant(f"http://{LOOPBACK}:{port}", signer.sign(user, "s1"), names, processes)


class Copy:
    """A plain TCP copy: bytes over loopback into a file, acknowledged once they are written."""

    def __init__(self, file: Path, how: str, names: dict[str, str]) -> None:
        """`how` is one of WAYS; `names` say where the object store is."""
        command = [sys.executable, __file__, "--receive", str(file), "--how", how]
        self._process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, **names}
        )
        assert self._process.stdout
        self._socket = socket.create_connection((LOOPBACK, int(self._process.stdout.readline())))

    def send(self, file: Path, offset: int) -> None:
        """From an offset to the end."""
        with file.open("rb") as source:
            size = os.fstat(source.fileno()).st_size
            self._socket.sendall((size - offset).to_bytes(8, "big"))
            self._socket.sendfile(source, offset)
        if self._socket.recv(1) != b"k":
            raise ConnectionError("the copy was not acknowledged")

    def close(self) -> None:
        self._socket.close()
        self._process.wait(10)


def receive(file: Path, how: str) -> None:
    """The other end of a copy."""
    store = _store() if how == STORED else None
    listener = socket.create_server((LOOPBACK, 0))
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    room = memoryview(bytearray(MIB))
    with file.open("ab", buffering=0) as out:
        while head := connection.recv(8, socket.MSG_WAITALL):
            start, size = out.tell(), int.from_bytes(head, "big")
            left = size
            while left:
                count = connection.recv_into(room[: min(left, MIB)])
                out.write(room[:count])
                left -= count
            if how != QUICK:
                os.fsync(out.fileno())
            if store:
                with file.open("rb") as part:
                    part.seek(start)
                    store.put_object("andon", f"copy/{file.name}/{start}", part, size)
            connection.sendall(b"k")


def _store() -> Minio:
    """The same one that the services write to, by its own SDK."""
    told = (os.environ[f"ANDON_S3__{name}"] for name in ("ENDPOINT", "ACCESS_KEY", "SECRET_KEY"))
    endpoint, access, secret = told
    return Minio(endpoint, access_key=access, secret_key=secret, secure=False, region="us-east-1")


class Counting:
    """A proxy that counts the bytes of both directions, as they are on the wire."""

    def __init__(self, port: int) -> None:
        self.port, self.count = port, 0

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[int]:
        server = await asyncio.start_server(self._join, LOOPBACK, 0)
        async with server:
            yield server.sockets[0].getsockname()[1]

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(LOOPBACK, self.port)
        await asyncio.gather(self._carry(reader, back), self._carry(there, writer))

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(MIB):
                self.count += len(data)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@contextmanager
def rsync_daemon(folder: Path) -> Generator[str]:
    """rsync without ssh, as its own server on loopback: the URL of its only module."""
    (port,) = free_ports(1)
    there = folder / "rsync"
    there.mkdir()
    config = folder / "rsyncd.conf"
    config.write_text(
        f"[there]\npath = {there}\nread only = no\nuse chroot = no\nuid = {os.getuid()}\ngid = 0\n"
    )
    command = [
        "rsync",
        "--daemon",
        "--no-detach",
        f"--config={config}",
        f"--port={port}",
        f"--address={LOOPBACK}",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        end = time.monotonic() + PATIENCE
        while socket.socket().connect_ex((LOOPBACK, port)):
            if time.monotonic() > end:
                raise TimeoutError("rsync did not start")
            time.sleep(0.05)
        yield f"rsync://{LOOPBACK}:{port}/there/"
    finally:
        process.terminate()
        process.wait(10)


async def rsync(*options: str) -> int:
    """Bytes on the wire, by its own count."""
    process = await asyncio.create_subprocess_exec("rsync", "--stats", *options, stdout=subprocess.PIPE)
    told = (await process.communicate())[0].decode()
    if process.returncode:
        raise RuntimeError(f"rsync ended with {process.returncode}")
    rows = [
        line for line in told.splitlines() if line.startswith(("Total bytes sent", "Total bytes received"))
    ]
    return sum(int("".join(filter(str.isdigit, row))) for row in rows)


def lines(size: int, seed: int) -> bytes:
    """A training log's text: times, steps and figures that nobody could foretell."""
    dice, parts, total = random.Random(seed), list[str](), 0
    step = 0
    while total < size:
        step += 1
        one = (
            f"2026-11-21 12:{step // 60 % 60:02d}:{step % 60:02d},{dice.randrange(1000):03d} INFO trainer"
            f" epoch {seed} step {step} loss {dice.random():.6f} accuracy {dice.random():.6f}"
            f" lr {dice.random() * 1e-3:.3e} images/s {dice.uniform(200, 900):.1f}\n"
        )
        parts.append(one)
        total += len(one)
    return "".join(parts).encode()[:size]


async def timed(work: Awaitable[object]) -> float:
    began = time.perf_counter()
    await work
    return time.perf_counter() - began


@dataclass
class Growing:
    """What the growth of one log took."""

    kind: str
    mib: int
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    wire: dict[str, float] = field(default_factory=dict[str, float])
    """Bytes on the wire per byte that was appended."""
    cpu: float = 0.0

    async def take(self, name: str, work: Awaitable[T]) -> T:
        """Wait for a piece to arrive, with nothing else on its way to the disk before it."""
        await asyncio.to_thread(os.sync)
        began = time.perf_counter()
        result = await work
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began
        return result

    def rate(self, name: str) -> float:
        return self.mib / self.seconds[name]


async def grow(  # noqa: PLR0913, PLR0917 - a run
    place: Plant, folder: Path, url: str, kind: str, mib: int, rounds: int
) -> Growing:
    """A log grows in rounds; after each, every way brings what is new, one after the other."""
    root, uid = folder / f"grow-{kind}", f"grow-{kind}"
    root.mkdir()
    log, found, part = root / "train.log", Growing(kind, mib), mib * MIB // rounds
    log.touch()
    copies = {how: folder / f"{kind}-{number}" for number, how in enumerate(WAYS)}
    ways = {how: Copy(file, how, place.names) for how, file in copies.items()}
    piece, sent = lines(min(part, 16 * MIB), 1), 0
    try:
        async with place.syncing(root, uid) as work:
            await work.pass_over()
            await rsync(str(log), f"{url}{kind}.log")
            for number in range(rounds):
                offset = log.stat().st_size
                with log.open("ab") as out:
                    out.write(os.urandom(part) if kind == "random" else _text(piece, part, number))
                for name, copy in ways.items():
                    await found.take(name, asyncio.to_thread(copy.send, log, offset))
                spent = place.cpu()
                await found.take("andon", work.pass_over())
                found.cpu += place.cpu() - spent
                sent += await found.take("rsync", rsync("--append", str(log), f"{url}{kind}.log"))
            if await work.finish() is not SyncStatus.SYNCED:
                raise RuntimeError("the log did not arrive")
    finally:
        for copy in ways.values():
            copy.close()
    found.wire["rsync"] = sent / (mib * MIB)
    found.wire["andon"] = await on_the_wire(place, root, uid, part, kind)
    for file in (log, *copies.values()):
        file.unlink()
    return found


def _text(piece: bytes, size: int, number: int) -> bytes:
    fresh = piece.replace(b"epoch 1 ", f"epoch {number} ".encode())
    return (fresh * (size // len(fresh) + 1))[:size]


async def on_the_wire(place: Plant, root: Path, uid: str, size: int, kind: str) -> float:
    """Another piece of the log, through a proxy that counts: per byte that was appended."""
    counting = Counting(int(place.url.rpartition(":")[2]))
    with (root / "train.log").open("ab") as out:
        out.write(os.urandom(size) if kind == "random" else lines(size, 2))
    async with counting.open() as port, place.syncing(root, uid, f"http://{LOOPBACK}:{port}") as work:
        before = counting.count
        await work.pass_over()
        return (counting.count - before) / size


async def many(place: Plant, folder: Path, url: str, count: int) -> dict[str, float]:
    """An initial sync of small files, until the server has said that all are there; seconds."""
    root, dice = folder / "many", random.Random(7)
    for number in range(count):
        file = root / f"run-{number % 100:02d}/{number}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(dice.randbytes(dice.randrange(200, 4000)))
    found = dict[str, float]()
    os.sync()
    found["rsync"] = await timed(rsync("-a", "--fsync", str(root), url))
    os.sync()
    async with place.syncing(root, "many") as work:
        found["andon, sent"] = await timed(work.pass_over())
        found["andon, sent and compared"] = found["andon, sent"] + await timed(work.finish())
        found["andon, nothing new"] = await timed(work.pass_over())
        if work.stats.status is not SyncStatus.SYNCED:
            raise RuntimeError(f"the folder is {work.stats.status}")
    found["rsync, nothing new"] = await timed(rsync("-a", str(root), url))
    return found


def report(logs: list[Growing], small: dict[str, float], place: Plant, wanted: argparse.Namespace) -> str:
    """As it stands in the document."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    rows = [
        f"| {found.kind} | {way} | {found.rate(way):.0f} | "
        + " | ".join(f"{found.rate(way) / found.rate(copy):.2f}" for copy in WAYS)
        + f" | {_figure(found.wire.get(way))} |"
        for found in logs
        for way in (*WAYS, "andon", "rsync")
    ]
    peaks = ", ".join(f"{name} {peak // MIB} MiB" for name, peak in place.peaks.items())
    spent = ", ".join(f"{found.kind} {found.cpu * 1e3 / found.mib:.1f}" for found in logs)
    told = [f"- {wanted.files} small files, {name}: {seconds:.1f} s." for name, seconds in small.items()]
    cores = os.cpu_count()
    head = f"""Measured {datetime.now(UTC):%Y-%m-%d} on {cores} cores shared with the embedded servers
and the client, load averages {load} at the end, by
`scripts/bench sync --mib {wanted.mib} --rounds {wanted.rounds} --files {wanted.files}`.

| log | way | MiB/s | of the copy | of the copy to the disk | of that into the store | wire bytes per byte |
|---|---|---|---|---|---|---|"""
    tail = [
        f"- The most memory of the processes, whatever the file: {peaks}.",
        f"- CPU of client, gateway and sync, ms per MiB of a growing log: {spent}.",
    ]
    return "\n".join([head, *rows, "", *told, *tail])


def _figure(number: float | None) -> str:
    return "" if number is None else f"{number:.3f}"


def write(text: str) -> None:
    """Put the figures between their marks in the document."""
    page = DOCUMENT.read_text()
    head, _, rest = page.partition("<!-- sync -->")
    tail = rest.partition("<!-- /sync -->")[2]
    DOCUMENT.write_text(f"{head}<!-- sync -->\n{text}\n<!-- /sync -->{tail}")


async def measure(wanted: argparse.Namespace, folder: Path) -> str:
    with servers(folder) as (names, _), rsync_daemon(folder) as url:
        async with plant(names, folder) as place:
            looking = asyncio.create_task(place.look())
            logs = [await grow(place, folder, url, kind, wanted.mib, wanted.rounds) for kind in wanted.kinds]
            small = await many(place, folder, url, wanted.files) if wanted.files else {}
            looking.cancel()
            return report(logs, small, place, wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size the log grows to")
    parser.add_argument("--rounds", type=int, default=16, help="pieces it grows by")
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--kinds", nargs="+", default=["text", "random"], choices=("text", "random"))
    parser.add_argument("--write", action="store_true", help="put the figures into the document")
    parser.add_argument("--receive", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--how", choices=WAYS, default=QUICK, help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.receive:
        receive(wanted.receive, wanted.how)
        return
    with tempfile.TemporaryDirectory(prefix="andon-bench-") as folder:
        text = asyncio.run(measure(wanted, Path(folder)))
    print(text)
    if wanted.write:
        write(text)


if __name__ == "__main__":
    main()
