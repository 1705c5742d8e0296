"""An agent's side of the queue without processes: takes empty jobs, tells when they began, ends them."""

import argparse
import asyncio

from moments import tell

from andon.contracts import Refused, queue
from andon.contracts.queue import DeviceFacts, DeviceHeartbeat, LeaseJobs, Report, ReportMany, Stage
from andon.messaging import BusSettings, Service

PATIENCE = 60
_HEARTBEAT_SECONDS = 10


async def beat(bus: Service, device: str) -> None:
    facts = DeviceFacts(cpu_cores=64, memory_total=10**12)
    said = DeviceHeartbeat(id=device, slots=4096, facts=facts, queues=("default",))
    while True:
        try:
            await bus.ask(queue.HEARTBEAT, said, timeout=PATIENCE)
        except Refused:
            await asyncio.sleep(0.5)
        else:
            await asyncio.sleep(_HEARTBEAT_SECONDS)


async def work(bus: Service, device: str, count: int) -> None:
    wish = LeaseJobs(device=device, count=count, wait_seconds=20, confirm=True)
    while True:
        try:
            grants = (await bus.ask(queue.LEASE, wish, timeout=PATIENCE)).grants
        except Refused:
            await asyncio.sleep(0.2)
            continue
        if not grants:
            continue
        for grant in grants:
            if grant.job.name.isdigit():
                tell(grant.job.name)
        ends = [Report(job_id=g.job.id, token=g.lease.token, stage=Stage.SUCCEEDED) for g in grants]
        done = await bus.ask(queue.REPORT_MANY, ReportMany(reports=tuple(ends)), timeout=PATIENCE)
        tell(f"done={sum(result.done is not None for result in done.results)}")


async def main(wanted: argparse.Namespace) -> None:
    async with Service("gateway", BusSettings(url=wanted.bus)) as bus, asyncio.TaskGroup() as group:
        group.create_task(beat(bus, wanted.device))
        group.create_task(work(bus, wanted.device, wanted.count))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bus", required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--count", type=int, default=64, help="jobs of one ask at most")
    asyncio.run(main(parser.parse_args()))
