"""Devices: heard, shown, forgotten."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from andon.contracts import Conflict, NotFound, Unavailable
from andon.contracts.queue import (
    DEVICE_CHANGED,
    DEVICE_DELETED,
    Deleted,
    DeleteDevice,
    Device,
    DeviceDeleted,
    DeviceHeartbeat,
    Devices,
    DeviceStatus,
    GetDevice,
    HeartbeatAnswer,
    ListDevices,
)
from andon.messaging import Delivery, Service
from andon.queue.domain.devices import STALE, Holding, heard, shown, status_at
from andon.queue.handlers.leasing import holding_of
from andon.queue.handlers.working import Work
from andon.queue.store.devices import Devices as DeviceStore
from andon.queue.store.jobs import Jobs
from andon.telemetry import log

_log = log("andon.queue")


@dataclass
class Fleet:
    bus: Service
    devices: DeviceStore
    jobs: Jobs
    work: Work
    clock: Callable[[], datetime]
    heartbeat_seconds: float = 10
    _shown: dict[str, DeviceStatus] = field(default_factory=dict[str, DeviceStatus])
    """As others were told last."""

    async def heartbeat(self, beat: DeviceHeartbeat, _: Delivery) -> HeartbeatAnswer:
        now = self.clock()
        device = heard(await self.devices.get(beat.id), beat, now)
        await self.devices.put(device)
        leases = await self.work.keep(beat)
        device = shown(device, await self._held(device.id), now)
        await self._say(device)
        return HeartbeatAnswer(device=device, leases=leases, heartbeat_seconds=self.heartbeat_seconds)

    async def get(self, query: GetDevice, _: Delivery) -> Device:
        device = await self.devices.get(query.id)
        if device is None:
            raise NotFound(f"there is no device {query.id!r}")
        return shown(device, await self._held(device.id), self.clock())

    async def listed(self, query: ListDevices, _: Delivery) -> Devices:
        found = [
            device
            for device in await self.all()
            if query.status in (None, device.status)
            and (query.queue is None or not device.queues or query.queue in device.queues)
        ]
        return Devices(devices=tuple(found))

    async def delete(self, ask: DeleteDevice, _: Delivery) -> Deleted:
        """Raises NotFound, and Conflict while it is connected."""
        now = self.clock()
        device = await self.devices.get(ask.id)
        if device is None:
            raise NotFound(f"there is no device {ask.id!r}")
        gone = status_at(device.last_heartbeat, now) is DeviceStatus.DISCONNECTED
        if not gone or not await self.devices.delete(ask.id, now - STALE):
            raise Conflict(f"device {ask.id} is connected", {"id": "not disconnected"})
        await self.bus.say(DEVICE_DELETED, DeviceDeleted(id=ask.id, by=ask.by, at=now))
        self._shown.pop(ask.id, None)
        return Deleted(deleted=True)

    async def all(self) -> list[Device]:
        """Every device as it is now."""
        now = self.clock()
        held: defaultdict[str, list[Holding]] = defaultdict(list)
        for document in await self.jobs.holdings():
            holding, device = holding_of(document)
            if device is not None:
                held[device].append(holding)
        return [shown(device, held[device.id], now) for device in await self.devices.all()]

    async def watch(self) -> None:
        """Tell when a device has gone silent."""
        now = self.clock()
        for device in await self.devices.all():
            status = status_at(device.last_heartbeat, now)
            before = self._shown.get(device.id)
            self._shown[device.id] = status
            if before not in (None, status) and status is not DeviceStatus.HEALTHY:
                _log.warning("a device is silent", device=device.id, status=status.value)
                await self._say(shown(device, await self._held(device.id), now))

    async def _held(self, device_id: str) -> list[Holding]:
        return [holding_of(each)[0] for each in await self.jobs.holdings(device_id)]

    async def _say(self, device: Device) -> None:
        """Two replicas that see the same silence say it once."""
        self._shown[device.id] = device.status
        once = f"{device.id}:{device.last_heartbeat.isoformat()}:{device.status}"
        try:
            await self.bus.say(DEVICE_CHANGED, device, once=once)
        except Unavailable as away:
            _log.warning("a device is not told", device=device.id, reason=str(away))
