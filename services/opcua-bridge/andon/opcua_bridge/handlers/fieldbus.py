"""How the fieldbuses do."""

from collections.abc import Hashable
from dataclasses import dataclass

from andon.contracts import fieldbus
from andon.contracts.fieldbus import FieldbusStatus, GetFieldbusStatus, ModbusStatus, MqttStatus
from andon.messaging import Delivery, Service
from andon.opcua_bridge.handlers.modbus import Panel
from andon.opcua_bridge.handlers.mqtt import Publisher

_COUNTS = {"mqtt": {"published", "waiting", "last_published_at"}, "modbus": {"requests"}}
"""Go on all the time, and are no news."""


@dataclass(frozen=True)
class Fieldbus:
    """MQTT and Modbus, each None where it is not configured."""

    mqtt: Publisher | None = None
    modbus: Panel | None = None

    async def status(self, _query: GetFieldbusStatus, _delivery: Delivery) -> FieldbusStatus:
        return self.now()

    def now(self) -> FieldbusStatus:
        return FieldbusStatus(
            mqtt=self.mqtt.status() if self.mqtt else MqttStatus(),
            modbus=self.modbus.status() if self.modbus else ModbusStatus(),
        )

    def standing(self) -> Hashable:
        """What is news once it differs."""
        return self.now().model_dump_json(exclude=_COUNTS)

    async def say(self, bus: Service) -> None:
        """Raises Unavailable."""
        await bus.say(fieldbus.CHANGED, self.now())
