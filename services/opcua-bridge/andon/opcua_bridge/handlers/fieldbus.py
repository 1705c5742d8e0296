"""How the fieldbuses do."""

from dataclasses import dataclass

from andon.contracts.fieldbus import FieldbusStatus, GetFieldbusStatus, ModbusStatus, MqttStatus
from andon.messaging import Delivery
from andon.opcua_bridge.handlers.modbus import Panel
from andon.opcua_bridge.handlers.mqtt import Publisher


@dataclass(frozen=True)
class Fieldbus:
    """MQTT and Modbus, each None where it is not configured."""

    mqtt: Publisher | None = None
    modbus: Panel | None = None

    async def status(self, _query: GetFieldbusStatus, _delivery: Delivery) -> FieldbusStatus:
        return FieldbusStatus(
            mqtt=self.mqtt.status() if self.mqtt else MqttStatus(),
            modbus=self.modbus.status() if self.modbus else ModbusStatus(),
        )
