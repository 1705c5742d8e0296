"""How soon the Line page is there, what it weighs, and how it keeps up with parts."""

import argparse
import asyncio
import os
import shutil
import statistics
import tempfile
import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path

import bench
import demo
from dashboard_trace import CATEGORIES, Trace
from demo import console, step
from playwright.async_api import Browser, CDPSession, Page, async_playwright

from andon.contracts import inspection
from andon.contracts.inspection import FrameCaptured
from andon.inspection.camera.plate import PlateCamera
from andon.messaging import Service
from andon.runtime import Settings
from andon.runtime.state import StackState

DOCUMENT = Path(__file__).parents[1] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- dashboard -->", "<!-- /dashboard -->"
CHROMIUM = Path("/usr/bin/chromium")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--enable-precise-memory-info",
)  # fmt: skip
LOADS = 5
TRACED_SECONDS = 10.0
COUNT_FRAMES = """() => {
  const seconds = (window.andonFrames = []);
  let began = performance.now(), drawn = 0;
  const draw = now => {
    drawn += 1;
    if (now - began >= 1000) { seconds.push(drawn * 1000 / (now - began)); began = now; drawn = 0; }
    requestAnimationFrame(draw);
  };
  requestAnimationFrame(draw);
}"""


@dataclass
class Weight:
    """What came over the network, by the debugging protocol."""

    scripts: dict[str, bool] = field(default_factory=dict)
    script_bytes: float = 0.0
    """As they travelled, compressed."""

    def responded(self, told: dict) -> None:
        self.scripts[told["requestId"]] = told["type"] == "Script"

    def finished(self, told: dict) -> None:
        if self.scripts.get(told["requestId"]):
            self.script_bytes += told["encodedDataLength"]


async def sign_in(page: Page, url: str) -> None:
    await page.goto(url)
    await page.get_by_label("Name or e-mail").fill("admin")
    await page.get_by_label("Password", exact=True).fill("admin")
    await page.get_by_role("button", name="Sign in", exact=True).click()
    await page.locator(f'[data-station="{bench.PLACE}"]').wait_for()


async def loaded(page: Page, protocol: CDPSession, url: str) -> tuple[float, float]:
    """Seconds until the station can be paused and the page is live, nothing cached, and kB of script."""
    weight = Weight()
    protocol.on("Network.responseReceived", weight.responded)
    protocol.on("Network.loadingFinished", weight.finished)
    began = time.perf_counter()
    await page.goto(f"{url}/line")
    card = page.locator(f'[data-station="{bench.PLACE}"]')
    await card.get_by_role("button").first.click(trial=True)
    await page.get_by_role("status").filter(has_text="Live").first.wait_for()
    took = time.perf_counter() - began
    protocol.remove_listener("Network.responseReceived", weight.responded)
    protocol.remove_listener("Network.loadingFinished", weight.finished)
    return took, weight.script_bytes / 1e3


async def memory(protocol: CDPSession) -> float:
    """MB of JavaScript objects after a collection."""
    await protocol.send("HeapProfiler.collectGarbage")
    metrics = (await protocol.send("Performance.getMetrics"))["metrics"]
    return next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize") / 1e6


@dataclass
class Line:
    """Parts that come to the station, and how many of them were judged and told."""

    bus: Service
    images: list[bytes]
    rate: float
    seconds: float
    judged: int = 0

    async def heard(self, *_: object) -> None:
        self.judged += 1

    async def show(self) -> None:
        """Parts to the station, at the rate."""
        began = time.perf_counter()
        for number, data in enumerate(islice(cycle(self.images), int(self.rate * self.seconds))):
            frame = f"page-{os.urandom(4).hex()}-{number}"
            message = FrameCaptured(station_id=bench.PLACE, frame_id=frame, part_id=f"P-{number:06}")
            await self.bus.say(inspection.FRAME_CAPTURED, message, once=frame, body=data)
            await asyncio.sleep(max(0, began + (number + 1) / self.rate - time.perf_counter()))


async def kept_up(page: Page, protocol: CDPSession, line: Line) -> list[str]:
    """What the live page does while parts come."""
    await page.evaluate(COUNT_FRAMES)
    heaps, before = [await memory(protocol)], line.judged
    began = time.perf_counter()
    showing = asyncio.create_task(line.show())
    while not showing.done():
        await asyncio.wait({showing}, timeout=max(10.0, line.seconds / 10))
        heaps.append(await memory(protocol))
    told = (line.judged - before) / (time.perf_counter() - began)
    seconds = sorted(await page.evaluate("window.andonFrames"))
    worst, low, usual = seconds[0], seconds[len(seconds) // 20], statistics.median(seconds)
    half, last, most = heaps[len(heaps) // 2], heaps[-1], max(heaps)
    return [
        f"- Parts came at {line.rate:g}/s for {line.seconds:.0f} s; {told:.1f}/s were judged and told.",
        f"- Frames a second: median {usual:.0f}, 5 % of the seconds below {low:.0f}, at worst {worst:.0f}.",
        f"- JavaScript's memory after collections, MB: {heaps[0]:.1f} before, {half:.1f} half-way,",
        f"  {last:.1f} at the end, at most {most:.1f}.",
    ]  # fmt: skip


async def traced(browser: Browser, page: Page, protocol: CDPSession, url: str, line: Line) -> list[str]:
    """One load and some seconds of parts, as Chromium's trace tells them; tracing takes its own share."""
    await browser.start_tracing(page=page, categories=list(CATEGORIES))
    await loaded(page, protocol, url)
    loading = Trace(await browser.stop_tracing()).loading()
    showing = asyncio.create_task(replace(line, seconds=TRACED_SECONDS).show())
    await browser.start_tracing(page=page, categories=list(CATEGORIES))
    await showing
    frames, wait = Trace(await browser.stop_tracing()).frames()
    first, largest, done = loading.contents, loading.largest, loading.interactive
    return [
        f"- Chromium's trace of a load: first paint after {first:.2f} s, largest {largest:.2f} s, last task",
        f"  over 50 ms done after {done:.2f} s; such tasks blocked it for {loading.blocked * 1e3:.0f} ms.",
        f"- Its trace of {TRACED_SECONDS:.0f} s of parts: {frames:.0f} frames a second on the screen,",
        f"  {wait:.0f} ms the longest wait for one.",
    ]  # fmt: skip


async def measured(url: str, line: Line) -> str:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        context = await browser.new_context(viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        protocol = await context.new_cdp_session(page)
        for domain in ("Network", "Performance", "HeapProfiler"):
            await protocol.send(f"{domain}.enable")
        await protocol.send("Network.setCacheDisabled", {"cacheDisabled": True})
        await sign_in(page, url)
        step("loading the page")
        loads = [await loaded(page, protocol, url) for _ in range(LOADS)]
        step("showing parts")
        live = await kept_up(page, protocol, line)
        step("tracing")
        live += await traced(browser, page, protocol, url, line)
        await browser.close()
    times, weight = sorted(took for took, _ in loads), max(weight for _, weight in loads)
    usual, worst = statistics.median(times), times[-1]
    busy = ", ".join(f"{load:.1f}" for load in os.getloadavg())
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} on {os.cpu_count()} cores shared with Andon and its servers,",
        f"load averages {busy} at the end, in headless Chromium without a GPU, by",
        f"`scripts/bench dashboard --rate {line.rate:g} --seconds {line.seconds:g}`.",
        "",
        f"- Script of the Line page as it travels: {weight:.0f} kB.",
        f"- Until a button works and it is live, nothing cached: {usual:.2f} s, at worst {worst:.2f} s.",
        *live,
    ]  # fmt: skip
    return "\n".join(lines)


async def measure(rate: float, seconds: float, write: bool) -> None:
    step("rendering plates")
    camera = PlateCamera(seed=7, defects=0.15, good_first=bench.GOOD)
    good = list(islice(camera, bench.GOOD))
    images = [shot.data for shot in islice(camera, 40)]

    async def work(state: StackState) -> None:
        bus = Service("integrations", Settings().bus)
        line = Line(bus, images, rate, seconds)

        async def only_new() -> int:
            return -1

        bus.follows((inspection.PART_JUDGED,), line.heard, after=only_new)
        async with bus:
            await demo.teach(bus, bench.Replay(good), bench.PLACE, 0.1)
            text = await measured(state.url or "", line)
        console.print(text, markup=False)
        if write:
            head, _, rest = DOCUMENT.read_text().partition(BEGIN)
            DOCUMENT.write_text(f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}")

    data = Path(tempfile.mkdtemp(prefix="andon-bench-"))
    try:
        await bench.with_stack(data, work)
    finally:
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="scripts/bench dashboard", description=__doc__)
    parser.add_argument("--rate", type=float, default=30.0, help="parts a second")
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--write", action="store_true", help="put the figures into docs/benchmarks.md")
    chosen = parser.parse_args()
    asyncio.run(measure(chosen.rate, chosen.seconds, chosen.write))
