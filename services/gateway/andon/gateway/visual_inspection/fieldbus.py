"""MQTT and Modbus: whether they run, and what went wrong."""

from fastapi import APIRouter

from andon.contracts import fieldbus
from andon.gateway.context import Here
from andon.gateway.errors import may
from andon.gateway.principal import MayView

routes = APIRouter(prefix="/fieldbus", tags=["system"])


@routes.get("/status", responses=may(503))
async def status(_who: MayView, here: Here) -> fieldbus.FieldbusStatus:
    """How MQTT and Modbus do. Each is off until it is configured."""
    return await here.bus.ask(fieldbus.STATUS, fieldbus.GetFieldbusStatus())
