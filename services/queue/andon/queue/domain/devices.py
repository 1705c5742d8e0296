"""What a device has free, and which GPUs a job gets."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from andon.contracts.queue import (
    Device,
    DeviceFacts,
    DeviceHeartbeat,
    DeviceStatus,
    QueueSettings,
    Requirements,
)

HEALTHY = timedelta(seconds=30)
STALE = timedelta(seconds=60)
_GIGA = 1e9
_EPSILON = 1e-6


@dataclass(frozen=True)
class Holding:
    """What a job on a device takes from it."""

    job_id: str
    user: str
    project: str
    queue: str
    requirements: Requirements
    gpus: tuple[int, ...] = ()


@dataclass(frozen=True)
class Room:
    """What is free on a device."""

    device: str
    slots: int
    cpu: float = 0
    memory_gb: float = 0
    disk_gb: float = 0
    gpus: tuple[tuple[int, float], ...] = ()
    """Index and memory in GB of each free one."""
    labels: frozenset[str] = frozenset()
    matching: bool = True
    """False: only slots, device and labels count."""

    def fits(self, asked: Requirements) -> bool:
        if (
            self.slots < 1
            or asked.device not in (None, self.device)
            or not self.labels.issuperset(asked.labels)
        ):
            return False
        if not self.matching:
            return True
        return (
            asked.cpu <= self.cpu + _EPSILON
            and asked.memory_gb <= self.memory_gb + _EPSILON
            and asked.disk_gb <= self.disk_gb + _EPSILON
            and gpus_of(asked) <= len(self._suited(asked))
        )

    def without(self, asked: Requirements, gpus: tuple[int, ...] = ()) -> "Room":
        """The room that is left beside a job that has these GPUs."""
        return replace(
            self,
            slots=self.slots - 1,
            cpu=self.cpu - asked.cpu,
            memory_gb=self.memory_gb - asked.memory_gb,
            disk_gb=self.disk_gb - asked.disk_gb,
            gpus=tuple(each for each in self.gpus if each[0] not in gpus),
        )

    def chosen(self, asked: Requirements) -> tuple[int, ...]:
        """The GPUs for a job that fits: the smallest that do."""
        return tuple(index for index, _ in self._suited(asked)[: gpus_of(asked)])

    @property
    def overdrawn(self) -> bool:
        """Whether more is held than there is."""
        if self.slots < 0:
            return True
        return self.matching and min(self.cpu, self.memory_gb, self.disk_gb) < -_EPSILON

    def _suited(self, asked: Requirements) -> list[tuple[int, float]]:
        suited = [each for each in self.gpus if each[1] + _EPSILON >= asked.gpu_memory_gb]
        return sorted(suited, key=lambda each: (each[1], each[0]))


def gpus_of(asked: Requirements) -> int:
    """How many it takes: memory alone asks for one."""
    return max(asked.gpu, 1 if asked.gpu_memory_gb > 0 else 0)


def room_of(device: Device, held: Iterable[Holding], settings: QueueSettings) -> Room:
    """What a device reports, less what its jobs hold."""
    facts = device.facts
    slots = device.slots
    if settings.max_per_device is not None:
        slots = min(slots, settings.max_per_device)
    room = Room(
        device=device.id,
        slots=slots,
        cpu=facts.cpu_cores,
        memory_gb=facts.memory_total / _GIGA,
        disk_gb=facts.disk_free / _GIGA,
        gpus=_gpus(facts),
        labels=frozenset(device.labels),
        matching=settings.resource_matching,
    )
    for each in held:
        room = room.without(each.requirements, each.gpus)
    return room


def shared_gpus(held: Iterable[Holding]) -> bool:
    """Whether two jobs have the same GPU."""
    taken = [gpu for each in held for gpu in each.gpus]
    return len(taken) != len(set(taken))


def status_at(last_heartbeat: datetime, now: datetime) -> DeviceStatus:
    silent = now - last_heartbeat
    if silent <= HEALTHY:
        return DeviceStatus.HEALTHY
    return DeviceStatus.STALE if silent <= STALE else DeviceStatus.DISCONNECTED


def heard(known: Device | None, said: DeviceHeartbeat, now: datetime) -> Device:
    """The device after a heartbeat."""
    clock = said.facts.clock
    return Device(
        id=said.id,
        session=said.session,
        facts=said.facts,
        queues=said.queues,
        labels=said.labels,
        slots=said.slots,
        status=DeviceStatus.HEALTHY,
        first_seen=known.first_seen if known else now,
        last_heartbeat=now,
        clock_skew_seconds=(clock - now).total_seconds() if clock else None,
    )


def shown(device: Device, held: Iterable[Holding], now: datetime) -> Device:
    """The device as others see it now."""
    holding = list(held)
    return device.model_copy(
        update={
            "status": status_at(device.last_heartbeat, now),
            "active_jobs": tuple(sorted(each.job_id for each in holding)),
            "held": together(each.requirements for each in holding),
        }
    )


def together(asked: Iterable[Requirements]) -> Requirements:
    """The sum of what jobs asked for."""
    every = list(asked)
    return Requirements.model_construct(
        cpu=sum(each.cpu for each in every),
        memory_gb=sum(each.memory_gb for each in every),
        gpu=sum(gpus_of(each) for each in every),
        gpu_memory_gb=sum(each.gpu_memory_gb * gpus_of(each) for each in every),
        disk_gb=sum(each.disk_gb for each in every),
        hours=None,
        device=None,
        labels=(),
    )


def _gpus(facts: DeviceFacts) -> tuple[tuple[int, float], ...]:
    if facts.gpus:
        return tuple((gpu.id, gpu.vram_total / _GIGA) for gpu in facts.gpus)
    each = facts.vram_total / _GIGA / facts.gpu_count if facts.gpu_count else 0
    return tuple((index, each) for index in range(facts.gpu_count))
