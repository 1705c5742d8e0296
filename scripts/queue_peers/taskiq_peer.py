"""taskiq over its NATS broker: an empty task, its producer and its measurement. Runs apart, as Celery."""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false

import asyncio
import json
import os
import sys
import time
from pathlib import Path

from moments import ADDRESS, Ear, tell
from nats.js.api import ConsumerConfig
from taskiq_nats import NATSObjectStoreResultBackend, PullBasedJetStreamBroker

URL = os.environ.get("BENCH_NATS_URL", "nats://127.0.0.1:4222")
IN_FLIGHT = 64
FETCH = int(os.environ.get("BENCH_FETCH", "1"))
broker = PullBasedJetStreamBroker(
    URL,
    durable="peer",
    consumer_config=ConsumerConfig(durable_name="peer", max_ack_pending=4096, ack_wait=60),
    pull_consume_batch=FETCH,
    pull_consume_timeout=0.1 if FETCH > 1 else None,
).with_result_backend(NATSObjectStoreResultBackend(URL))


@broker.task(task_name="peer.empty")
async def empty(number: int) -> int:
    if number >= 0:
        tell(str(number))
    return number


async def rate(jobs: int) -> float:
    """Per second, from the first submit until the last result is kept and its message acknowledged."""
    gate = asyncio.Semaphore(IN_FLIGHT)

    async def one() -> None:
        async with gate:
            await empty.kiq(-1)

    began = time.monotonic()
    await asyncio.gather(*(one() for _ in range(jobs)))
    while True:
        info = await broker.js.consumer_info(broker.stream_name, "peer")
        if not info.num_pending and not info.num_ack_pending:
            return jobs / (time.monotonic() - began)
        await asyncio.sleep(0.01)


async def waits(ear: Ear, trials: int) -> list[float]:
    """Milliseconds from a submit to the start, one after the other."""
    found: list[float] = []
    for number in range(trials):
        await asyncio.sleep(0.02)
        began = time.monotonic_ns()
        await empty.kiq(number)
        _, moment, _ = await asyncio.to_thread(ear.next)
        found.append((moment - began) / 1e6)
    return found


async def main(workers: int, trials: int, jobs: int) -> None:
    ear = Ear(Path(os.environ[ADDRESS]))
    await broker.startup()
    seen: set[int] = set()
    while len(seen) < workers:
        await asyncio.gather(*(empty.kiq(0) for _ in range(workers * 4)))
        for _ in range(workers * 4):
            seen.add((await asyncio.to_thread(ear.next))[2])
    found: dict[str, object] = {}
    if trials:
        found["waits"] = await waits(ear, trials)
    if jobs:
        found["rate"] = await rate(jobs)
    await broker.shutdown()
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main(*(int(each) for each in sys.argv[1:])))
