"""The Modbus door: stations as registers, and a trigger."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from andon.contracts import Refused, Unavailable
from andon.contracts.camera import CAPTURE, CaptureFrame
from andon.contracts.fieldbus import ModbusStatus
from andon.messaging import Retry, Service
from andon.opcua_bridge.adapters.modbus import ModbusServer, ModbusSettings
from andon.opcua_bridge.domain import registers
from andon.opcua_bridge.domain.lines import StationState
from andon.opcua_bridge.domain.registers import (
    COMMAND_REGISTER,
    FIXED_UNITS_FROM,
    FIXED_UNITS_TO,
    SELECTING_UNITS,
    STATION_REGISTER,
    TRIGGER_COIL,
    Fault,
    Faulty,
    Outcome,
    Shown,
    Table,
    Trigger,
)
from andon.opcua_bridge.handlers.counting import Counting
from andon.opcua_bridge.handlers.trouble import Trouble
from andon.telemetry import log

_CAPTURE_SECONDS = 30.0
_COUNTED_SECONDS = 2.0
"""How long a triggered part may take from its answer into the counts."""
_RESTS = Retry(attempts=0, first=0.5, longest=10.0)

_log = log("andon.opcua_bridge")


@dataclass
class Panel:
    """What clients read and write, over all stations."""

    bus: Service
    counting: Counting
    settings: ModbusSettings
    trouble: Trouble
    _selected: str | None = None
    """By holding register 2; a name, so that it stays the same when stations are added."""
    _triggers: dict[str, Trigger] = field(default_factory=dict[str, Trigger])
    _running: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self.server = ModbusServer(self.settings, self.read, self.write)

    @property
    def stations(self) -> tuple[str, ...]:
        """By index."""
        return registers.ordered(tuple(self.counting.lines.stations), self.settings.stations)

    async def run(self) -> None:
        """Listen, as long as the service lives."""
        failures = 0
        try:
            while True:
                try:
                    async with self.server.listening():
                        _log.info("Modbus is listening", endpoint=self.server.endpoint)
                        await asyncio.Future()  # until the service stops
                except Unavailable as error:
                    failures += 1
                    self.trouble.note(str(error))
                    await asyncio.sleep(_RESTS.rest(failures))
        finally:
            for task in self._running:
                task.cancel()

    def status(self) -> ModbusStatus:
        return ModbusStatus(
            enabled=True,
            running=self.server.running,
            endpoint=self.server.endpoint,
            clients=self.server.clients,
            requests=self.server.requests,
            refused=self.server.refused,
            writes=self.settings.writes,
            last_error=self.trouble.last,
            last_error_at=self.trouble.at,
        )

    def read(self, unit: int, table: Table, begin: int, count: int) -> list[int]:
        """Cells of a unit. Raises Faulty."""
        return registers.part(registers.cells(self._shown(self._station(unit)), table), begin, count)

    def write(self, unit: int, table: Table, begin: int, values: Sequence[int]) -> None:
        """Write cells of a unit, all or none. Raises Faulty."""
        station_id = self._station(unit)
        if not self.settings.writes or table is Table.INPUTS:
            raise Faulty(Fault.FUNCTION)
        if table is Table.COILS:
            if begin != TRIGGER_COIL or len(values) != 1:
                raise Faulty(Fault.ADDRESS)
            self._write_coil(station_id, pressed=bool(values[0]))
            return
        if begin < COMMAND_REGISTER or not values or begin + len(values) > STATION_REGISTER + 1:
            raise Faulty(Fault.ADDRESS)
        written = dict(enumerate(values, begin))
        chosen = self._chosen(unit, written, station_id)
        command = written.get(COMMAND_REGISTER, 0)
        if command not in (0, 1):
            raise Faulty(Fault.VALUE)
        if command:
            self._trigger(chosen)
        if STATION_REGISTER in written:
            self._selected = chosen

    def _chosen(self, unit: int, written: dict[int, int], station_id: str) -> str:
        """The station that a write is for: the one that it selects, else the unit's."""
        if STATION_REGISTER not in written:
            return station_id
        if unit not in SELECTING_UNITS:
            raise Faulty(Fault.ADDRESS)
        if written[STATION_REGISTER] >= len(self.stations):
            raise Faulty(Fault.VALUE)
        return self.stations[written[STATION_REGISTER]]

    def _station(self, unit: int) -> str:
        stations = self.stations
        if unit in SELECTING_UNITS:
            return self._selected if self._selected in stations else stations[0]
        if FIXED_UNITS_FROM <= unit <= FIXED_UNITS_TO and unit - FIXED_UNITS_FROM < len(stations):
            return stations[unit - FIXED_UNITS_FROM]
        raise Faulty(Fault.NO_STATION)

    def _shown(self, station_id: str) -> Shown:
        trigger = self._triggers.get(station_id, Trigger())
        return Shown(
            state=self._state(station_id),
            trigger=trigger,
            index=self.stations.index(station_id),
            ready=self.counting.caught_up and trigger.outcome is not Outcome.RUNNING,
            classes=self.settings.classes,
        )

    def _state(self, station_id: str) -> StationState:
        return self.counting.lines.stations.get(station_id) or StationState(station_id)

    def _write_coil(self, station_id: str, *, pressed: bool) -> None:
        trigger = self._triggers.get(station_id, Trigger())
        if pressed and not trigger.coil:
            self._trigger(station_id)
            trigger = self._triggers[station_id]
        self._triggers[station_id] = replace(trigger, coil=pressed)

    def _trigger(self, station_id: str) -> None:
        trigger = self._triggers.get(station_id, Trigger())
        if trigger.outcome is Outcome.RUNNING:
            raise Faulty(Fault.BUSY)
        self._triggers[station_id] = replace(trigger, outcome=Outcome.RUNNING)
        task = asyncio.create_task(self._capture(station_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _capture(self, station_id: str) -> None:
        try:
            question = CaptureFrame(station_id=station_id)
            part = await self.bus.ask(CAPTURE, question, timeout=_CAPTURE_SECONDS)
        except (Refused, ValidationError) as error:
            self.trouble.note(f"no picture at {station_id}: {error}")
            self._ended(station_id, Outcome.FAILED, blank_at=self._state(station_id).last_seq)
            return
        if await self.counting.until_counted(part, _COUNTED_SECONDS):
            self._ended(station_id, Outcome.DONE, blank_at=-1)
        else:
            self.trouble.note(f"the part of a trigger at {station_id} was judged but not heard of")
            self._ended(station_id, Outcome.FAILED, blank_at=self._state(station_id).last_seq)

    def _ended(self, station_id: str, outcome: Outcome, *, blank_at: int) -> None:
        trigger = self._triggers[station_id]
        self._triggers[station_id] = replace(trigger, outcome=outcome, blank_at=blank_at)
