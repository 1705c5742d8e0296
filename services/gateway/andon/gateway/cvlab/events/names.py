"""Which experiment an event is about: what some events tell is remembered for those that name an id alone."""

from collections import OrderedDict
from dataclasses import dataclass, field

from andon.contracts import Message, NotFound, Unavailable, queue
from andon.contracts.queue import Device, Job, JobChanged, JobDeleted, JobProgressed
from andon.contracts.sync import Experiment, FileChanged
from andon.gateway.cvlab.jobs.words import QUEUE
from andon.messaging import Service

_REMEMBERED = 20_000
_PATIENCE = 2.0
"""Seconds; events wait behind each other meanwhile."""


@dataclass(frozen=True)
class Named:
    """What clients know a job by."""

    uid: str
    project: str
    run: str
    ours: bool
    """It was submitted to this surface."""


@dataclass
class Names:
    """Asks the queue once for each job that it has not heard of."""

    bus: Service
    _known: OrderedDict[str, Named | None] = field(default_factory=OrderedDict[str, Named | None])
    """By id and by uid; None for what is no job."""

    def of(self, name: str) -> Named | None:
        """None for what is no job of anybody, and for what was not learnt."""
        return self._known.get(name)

    async def learn(self, message: Message) -> None:
        """Know everything that the message names. A queue that is away is asked again with the next one."""
        match message:
            case JobChanged() | JobDeleted():
                run = message.experiment if isinstance(message, JobChanged) else None
                named = _named(message.id, message.aliases.cvlab, message.project, run, message.queue)
                self._keep(message.id, named)
            case JobProgressed(id=name) | FileChanged(uid=name) | Experiment(uid=name):
                await self._ask(name)
            case Device(active_jobs=names):
                for name in names:
                    await self._ask(name)
            case _:
                return

    async def _ask(self, name: str) -> None:
        if name in self._known:
            self._known.move_to_end(name)
            return
        try:
            job = await self.bus.ask(queue.GET, queue.GetJob(id=name[:64] or "-"), timeout=_PATIENCE)
        except NotFound:
            self._keep(name, None)
        except Unavailable:
            return
        else:
            self._keep(job.id, _of(job))

    def _keep(self, name: str, named: Named | None) -> None:
        for each in {name, named.uid} if named else {name}:
            self._known[each] = named
            self._known.move_to_end(each)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def _of(job: Job) -> Named:
    return _named(job.id, job.aliases.cvlab, job.project, job.experiment, job.queue)


def _named(job_id: str, uid: str | None, project: str, experiment: str | None, queue_name: str) -> Named:
    name = uid or job_id
    return Named(uid=name, project=project, run=experiment or name, ours=queue_name == QUEUE)
