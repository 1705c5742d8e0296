"""Andon's main job on one machine: teach a station by good parts, fit, deploy, judge, and say how it went."""

import argparse
import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from andon.contracts import Message, Refused, camera, inspection, station, training
from andon.contracts.inspection import Decision, Inspection
from andon.inspection.camera.feed import Sent, feed
from andon.inspection.camera.open import open_source
from andon.inspection.camera.photos import LICENCE, PACKAGE
from andon.inspection.camera.plate import PlateCamera
from andon.inspection.camera.shot import Source
from andon.messaging import Delivery, Service
from andon.runtime import Settings
from andon.runtime.state import StackState, adopt, running_stack

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PHOTOS = ROOT / ".venv-photos"
COLOUR = {Decision.PASS: "green", Decision.FAIL: "red", Decision.UNCERTAIN: "yellow"}
console = Console(highlight=False)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument(
        "--photos", action="store_true", help="2,624 real solar-cell photographs (CC BY-NC-SA 4.0)"
    )
    camera.add_argument(
        "--images", type=Path, metavar="FOLDER", help="your own; an MVTec layout gives known truth"
    )
    parser.add_argument("--parts", type=positive, metavar="N", help="judge N parts, print a summary, and end")
    parser.add_argument(
        "--rate", type=float, default=5.0, help="parts a second (default 5); 0 as fast as it goes"
    )
    parser.add_argument("--port", type=int, default=8080, help="of the dashboard (default 8080)")
    parser.add_argument("--opcua-port", type=int, default=4840, help="of the OPC UA server (default 4840)")
    parser.add_argument(
        "--data", type=Path, default=ROOT / ".andon-demo", metavar="DIR", help="where everything is kept"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed shows the same plates")
    return parser.parse_args()


def positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def step(text: str) -> None:
    console.print(f"[bold cyan]==>[/] {text}")


def source_of(wanted: argparse.Namespace) -> tuple[Source, str, float | None]:
    """The camera, the station that looks through it, and its millimetres per pixel where they are known."""
    endless = wanted.parts is None
    if wanted.photos:
        console.print(LICENCE)
        if not (PHOTOS / "elpv_dataset").is_dir():
            step(f"installing {PACKAGE} beside the product (91 MB; it is never part of it)")
            install = ("-m", "pip", "install", "--quiet", "--no-deps", "--target", str(PHOTOS), PACKAGE)
            python = Path(sys.base_prefix) / "bin" / "python3"  # the environment itself has no pip
            subprocess.run((str(python), *install), check=True)
        return open_source("photos", images=PHOTOS, seed=wanted.seed, repeat=endless), "cells", None
    if wanted.images:
        source = open_source("folder", images=wanted.images, seed=wanted.seed, repeat=endless)
        return source, safe_name(wanted.images.resolve().name), None
    return open_source("plate", seed=wanted.seed), "plate", 0.1


def safe_name(text: str) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text).strip("-")
    return kept[:64] or "images"


@dataclass
class Board:
    """What was sent and what was judged, by frame."""

    sent: dict[str, tuple[Sent, float]] = field(default_factory=dict)
    judged: dict[str, tuple[Inspection, float]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    show: bool = False

    async def hear(self, message: Message, _: Delivery) -> None:
        if isinstance(message, Inspection):
            self.judged.setdefault(message.frame_id, (message, time.perf_counter()))
            if self.show:
                self.print_part(message)
        elif isinstance(message, inspection.FrameRefused):
            self.refused[message.frame_id] = message.reason
            console.print(f"[red]refused[/] {message.frame_id}: {message.reason}")
        self.arrived.set()

    def sends(self, frame: Sent) -> None:
        self.sent[frame.frame_id] = (frame, time.perf_counter())

    def print_part(self, part: Inspection) -> None:
        known = self.sent.get(part.frame_id)
        truth = f" truth {known[0].truth_class}" if known and known[0].truth else ""
        where = ", ".join(
            f"{found.bbox}" + ("" if found.area_mm2 is None else f" {found.area_mm2:.1f} mm²")
            for found in part.detections[:3]
        )
        decision = f"[{COLOUR[part.decision]}]{part.decision.value:<9}[/]"
        line = f"{part.judged_at:%H:%M:%S} {part.part_id or part.frame_id:<22.22} {decision}"
        console.print(
            f"{line} score {part.anomaly_score:7.2f} {part.times.total_ms:5.0f} ms{truth:<18.18} {where}"
        )

    async def all_in(self, within: float) -> None:
        """Wait until every frame sent was judged or refused; `within` seconds without news is an error."""
        while self.sent.keys() - self.judged.keys() - self.refused.keys():
            self.arrived.clear()
            async with asyncio.timeout(within):
                await self.arrived.wait()


async def main() -> int:
    wanted = arguments()
    try:
        source, place, scale = source_of(wanted)
    except Refused as refused:
        console.print(f"[red]{refused}[/]")
        return 2
    step(f"camera: {source.about}")
    stack = start_stack(wanted)
    try:
        state = await ready(wanted.data, stack)
        board = Board(show=wanted.parts is None)
        bus = Service("integrations", Settings().bus)
        newest: int | None = None

        async def only_new() -> int:
            return newest if newest is not None else -1

        bus.follows((inspection.PART_JUDGED, inspection.FRAME_REFUSED), board.hear, after=only_new)
        async with bus:
            await teach(bus, source, place, scale)
            if isinstance(source, PlateCamera):
                own = camera.PlateSource(seed=wanted.seed)  # for those who trigger: POST /inspect/camera
                await bus.ask(camera.PUT, camera.PutCamera(station_id=place, source=own, by="demo"))
            welcome(state, place)
            return await judge(bus, source, place, wanted, board)
    finally:
        await stop_stack(stack)


def start_stack(wanted: argparse.Namespace) -> "subprocess.Popen[bytes]":
    step(f"starting servers and services; their log is {wanted.data / 'andon.log'}")
    wanted.data.mkdir(parents=True, exist_ok=True)
    command = (
        BIN / "andon",
        "up",
        "--demo",
        "--data",
        wanted.data,
        "--port",
        str(wanted.port),
        "--opcua-port",
        str(wanted.opcua_port),
    )
    with (wanted.data / "andon.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, process_group=0)


async def ready(data: Path, stack: "subprocess.Popen[bytes]") -> StackState:
    began = time.monotonic()
    while (state := running_stack(data)) is None or not state.ready:
        if stack.poll() is not None:
            log = (data / "andon.log").read_text(errors="replace").splitlines()
            raise SystemExit("Andon did not start:\n" + "\n".join(log[-20:]))
        await asyncio.sleep(0.1)
    adopt(data)
    step(f"everything is up after {time.monotonic() - began:.1f} s")
    return state


async def stop_stack(stack: "subprocess.Popen[bytes]") -> None:
    step("stopping; what was judged stays in the data folder")
    with contextlib.suppress(ProcessLookupError):
        stack.send_signal(signal.SIGINT)
    await asyncio.to_thread(stack.wait)


async def teach(bus: Service, source: Source, place: str, scale: float | None) -> None:
    """Show the first good parts and fit a model from them, unless the station has one from an earlier run."""
    known = await bus.ask(station.PUT, station.PutStation(id=place, mm_per_pixel_x=scale, by="demo"))
    good = source.good_first
    if known.recipe and known.recipe.model:
        step(f"station {place} has its model from an earlier run ({known.recipe.model.name})")
        for _ in range(good):
            next(source)
        return
    await bus.ask(station.PUT, station.PutStation(id=place, mode=station.Mode.TEACH, by="demo"))
    columns = (TextColumn("    {task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("showing good parts", total=good)
        await feed(bus, source, place, count=good, sent=lambda _: bar.advance(task))
    await kept(bus, place, good)
    await fit(bus, place)


async def kept(bus: Service, place: str, good: int) -> None:
    deadline = time.monotonic() + 120
    while (await bus.ask(station.GET, station.GetStation(id=place))).samples < good:
        if time.monotonic() > deadline:
            raise SystemExit("the station did not keep the good parts within two minutes")
        await asyncio.sleep(0.2)


async def fit(bus: Service, place: str) -> None:
    job = f"{place[:40]}-{datetime.now(UTC):%Y%m%d-%H%M%S}"
    request = training.FitModel(fit_id=job, station_id=place, deploy=True, requested_by="demo")
    await bus.say(training.FIT, request, once=job)
    began = time.monotonic()
    columns = (TextColumn("    {task.description:<40.40}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("fitting", total=1.0)
        while True:
            await asyncio.sleep(0.25)
            try:
                at = await bus.ask(training.FIT_STATUS, training.GetFit(fit_id=job))
            except Refused:
                continue  # not begun yet
            bar.update(task, completed=at.fraction, description=f"{at.stage} {at.message}")
            if at.state is training.FitState.FAILED:
                raise SystemExit(f"the fit failed: {at.message}")
            if at.state is training.FitState.SUCCEEDED:
                break
    now = await bus.ask(station.GET, station.GetStation(id=place))
    while now.mode is not station.Mode.JUDGE:
        await asyncio.sleep(0.1)
        now = await bus.ask(station.GET, station.GetStation(id=place))
    limits = now.recipe.thresholds if now.recipe else None
    step(
        f"model fitted and deployed after {time.monotonic() - began:.1f} s"
        + (
            f"; uncertain above {limits.uncertain_above:.2f}, fail above {limits.fail_above:.2f}"
            if limits
            else ""
        )
    )


def welcome(state: StackState, place: str) -> None:
    console.print(
        f"\n    dashboard  [bold]{state.url}[/]   sign in as [bold]admin[/] / [bold]admin[/]"
        f"\n    REST       {state.url}/docs"
        f"\n    OPC UA     {state.opcua_url}"
        f"\n    station    {place}\n"
    )


async def judge(bus: Service, source: Source, place: str, wanted: argparse.Namespace, board: Board) -> int:
    stopped = asyncio.Event()
    for sort in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sort, stopped.set)
    began = time.perf_counter()
    feeding = asyncio.create_task(
        feed(bus, source, place, rate=wanted.rate, count=wanted.parts, sent=board.sends, waits=console.print)
    )
    stopping = asyncio.create_task(stopped.wait())
    await asyncio.wait((feeding, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not feeding.done():
        feeding.cancel()
        await asyncio.wait((feeding,))
    elif wanted.parts is None:
        step("the camera has no more parts; Ctrl-C ends")
        await stopping
    stopping.cancel()
    try:
        await board.all_in(within=60)
    except TimeoutError:
        console.print(f"[red]{len(board.sent) - len(board.judged)} parts were not judged within a minute[/]")
        return 1
    summary(board, time.perf_counter() - began)
    return 1 if board.refused else 0


def summary(board: Board, took: float) -> None:
    rows = [(*board.sent[key], *board.judged[key]) for key in board.sent if key in board.judged]
    if not rows:
        return
    table = Table(title=f"{len(rows)} parts judged")
    table.add_column("truth")
    for decision in Decision:
        table.add_column(decision.value, justify="right", style=COLOUR[decision])
    table.add_column("all", justify="right")
    counts = Counter((frame.truth_class or "unknown", part.decision) for frame, _, part, _ in rows)
    kinds = sorted({kind for kind, _ in counts}, key=lambda kind: (kind != "good", kind))
    for kind in kinds:
        line = [counts[kind, decision] for decision in Decision]
        table.add_row(kind, *map(str, line), str(sum(line)))
    total = [sum(counts[kind, decision] for kind in kinds) for decision in Decision]
    table.add_section()
    table.add_row("all", *map(str, total), str(len(rows)), style="bold")
    console.print(table)
    waits = sorted((heard - said) * 1e3 for _, said, _, heard in rows)
    console.print(
        f"{len(rows) / took:.1f} parts/s; from camera to announcement "
        f"p50 {waits[len(waits) // 2]:.0f} ms, p99 {waits[len(waits) * 99 // 100]:.0f} ms"
    )
    good = [part.decision for frame, _, part, _ in rows if frame.truth == "good"]
    bad = [part.decision for frame, _, part, _ in rows if frame.truth == "defect"]
    if good and bad:
        console.print(
            f"good parts failed: {good.count(Decision.FAIL)} of {len(good)}; "
            f"defective parts passed: {bad.count(Decision.PASS)} of {len(bad)}"
        )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    sys.exit(asyncio.run(main()))
