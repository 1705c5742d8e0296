"""A hearer in a process of its own, for tests that kill it: python messaging_hearer.py URL FOLDER POISON."""

import asyncio
import os
import signal
import sys
from pathlib import Path

from andon.contracts.inspection import FRAME_CAPTURED, FrameCaptured
from andon.messaging import BusSettings, Delivery, Service


async def main(url: str, folder: Path, poison: str) -> None:
    """Keep one file per frame id, so that a repeat has no further effect, and a line for each beginning."""

    async def hear(frame: FrameCaptured, _delivery: Delivery) -> None:
        with (folder / "begun").open("a") as lines:
            lines.write(f"{frame.frame_id}\n")
        if frame.frame_id == poison:
            os.kill(os.getpid(), signal.SIGKILL)
        await asyncio.sleep(0.03)
        (folder / f"frame-{frame.frame_id}").touch()

    service = Service("inspection", BusSettings(url=url))
    service.hears(FRAME_CAPTURED, hear, workers=3)
    async with service:
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
