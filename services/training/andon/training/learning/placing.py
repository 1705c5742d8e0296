"""Where a run runs: with an agent that has what it needs, or in this service."""

from dataclasses import dataclass

from andon.contracts import BadRequest, Refused, Unavailable, queue
from andon.contracts.learning import Place, RunKind, StartRun, Trainer
from andon.contracts.queue import Device, DeviceStatus
from andon.messaging import Service
from andon.runtime import optional
from andon.telemetry import log
from andon.training.domain.progress import TRAINER

TORCH = "torch"
"""The label of agents that have it."""
_ON_PROCESSOR = "+cpu"
"""A build of torch whose version ends so leaves GPUs alone."""
_SECONDS = 5
"""For the queue to answer; where there is none, that is known at once."""

_log = log("andon.training")


@dataclass(frozen=True)
class Seat:
    place: Place
    gpus: int = 0
    """That its job asks for: a job sees no others."""


def labels_for(kind: RunKind, trainer: Trainer) -> tuple[str, ...]:
    """What an agent has to have."""
    # The other kinds have no use for it, and record what they were told.
    by_torch = kind is RunKind.DETECTOR and trainer is Trainer.TORCH
    return (TRAINER, TORCH) if by_torch else (TRAINER,)


@dataclass(frozen=True)
class Placing:
    bus: Service

    async def seat(self, wish: StartRun) -> Seat:
        """An agent's, while one lives; otherwise here. Raises BadRequest where torch is missing."""
        needed = set(labels_for(wish.kind, wish.parameters.trainer))
        if wish.place is Place.HERE or (wish.place is Place.QUEUE and TORCH not in needed):
            return _checked(Seat(wish.place), needed)
        able = [device for device in await self._alive() if needed <= set(device.labels)]
        if not able and wish.place is not Place.QUEUE:
            return _checked(Seat(Place.HERE), needed)
        return Seat(Place.QUEUE, int(TORCH in needed and any(map(_takes_gpus, able))))

    async def _alive(self) -> list[Device]:
        try:
            found = await self.bus.ask(queue.DEVICE_LIST, queue.ListDevices(), timeout=_SECONDS)
        except (Unavailable, Refused) as away:
            _log.info("the queue does not answer, so no agent is known", reason=str(away))
            return []
        return [device for device in found.devices if device.status is DeviceStatus.HEALTHY]


def _checked(seat: Seat, needed: set[str]) -> Seat:
    if seat.place is Place.HERE and TORCH in needed and optional("torch") is None:
        raise BadRequest(
            "trainer: torch is installed neither beside the training service nor beside an agent that lives;"
            " scripts/setup --torch installs it, and with place 'queue' the run waits for such an agent",
            {"trainer": "no torch"},
        )
    return seat


def _takes_gpus(device: Device) -> bool:
    version = device.facts.torch_version
    return bool(device.facts.gpu_count and version and not version.endswith(_ON_PROCESSOR))
