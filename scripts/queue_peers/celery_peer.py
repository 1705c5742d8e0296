"""Celery over Redis: an empty task, its producer and its measurement. Runs in an environment of its own."""
# pyright: reportMissingImports=false, reportFunctionMemberAccess=false

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from celery import Celery
from moments import ADDRESS, Ear, tell
from redis import Redis

PORT = os.environ.get("BENCH_REDIS_PORT", "6379")
THREADS = 16
app = Celery("peer", broker=f"redis://127.0.0.1:{PORT}/0", backend=f"redis://127.0.0.1:{PORT}/1")
app.conf.update(
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_serializer="json",
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
)


@app.task(name="peer.empty")
def empty(number: int) -> int:
    if number >= 0:
        tell(str(number))
    return number


def rate(jobs: int) -> float:
    """Per second, from the first submit until the last result is kept."""
    results = Redis(port=int(PORT), db=1)
    before, began = results.dbsize(), time.monotonic()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda _: empty.apply_async((-1,)), range(jobs)))
    while results.dbsize() < before + jobs:
        time.sleep(0.01)
    return jobs / (time.monotonic() - began)


def waits(ear: Ear, trials: int) -> list[float]:
    """Milliseconds from a submit to the start, one after the other."""
    found: list[float] = []
    for number in range(trials):
        time.sleep(0.02)
        began = time.monotonic_ns()
        empty.apply_async((number,))
        found.append((ear.next()[1] - began) / 1e6)
    return found


def main(workers: int, trials: int, jobs: int) -> None:
    ear = Ear(Path(os.environ[ADDRESS]))
    seen: set[int] = set()
    while len(seen) < workers:
        for _ in range(workers * 4):
            empty.apply_async((0,))
        seen.update(ear.next()[2] for _ in range(workers * 4))
    print(json.dumps({"waits": waits(ear, trials), "rate": rate(jobs)}))


if __name__ == "__main__":
    main(*(int(each) for each in sys.argv[1:]))
