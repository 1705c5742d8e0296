"""VisionSystem objects: their nodes, states, events and methods."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportAttributeAccessIssue=false

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asyncua import Node, ua
from asyncua.common.event_objects import BaseEvent

from andon.contracts import Refused
from andon.contracts.inspection import Inspection
from andon.opcua_bridge.adapters.events import SERVER, emit, filled, let_watch, watched
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.vision.results import COMPONENTS, components, content
from andon.opcua_bridge.adapters.visitors import Caller, caller
from andon.opcua_bridge.domain.vision import State, Step
from andon.telemetry import log

MODEL = "http://opcfoundation.org/UA/MachineVision"
_NODESET = Path(__file__).parent / "Opc.Ua.MachineVision.NodeSet2.xml"
_SYSTEM, _RESULTS, _RECIPES, _AUTOMATIC = 1003, 1007, 1004, 1021
_STATE_CHANGED, _RESULT_READY = 1018, 1024
_STATES = {State.PREOPERATIONAL: 5028, State.HALTED: 5029, State.ERROR: 5030, State.OPERATIONAL: 5031}
_STEPS = {Step.INITIALIZED: 5056, Step.READY: 5057, Step.SINGLE: 5058, Step.CONTINUOUS: 5059}
"""Nodes of the states in the companion model."""
_CODES = {
    "forbidden": ua.StatusCodes.BadUserAccessDenied,
    "not_found": ua.StatusCodes.BadNotFound,
    "conflict": ua.StatusCodes.BadInvalidState,
    "unavailable": ua.StatusCodes.BadResourceUnavailable,
}

Method = Callable[[str, Caller, tuple[ua.Variant, ...]], Awaitable[list[ua.Variant]]]
"""Called with the station, whoever calls and what they give. Raises Refused."""

_log = log("andon.opcua_bridge")


@dataclass
class VisionSystems:
    """One below each station, as `station/<id>/vision`."""

    server: OpcuaServer
    methods: dict[str, Method] = field(default_factory=dict[str, Method])
    """By their place below the system, such as `VisionStateMachine.Halt`."""
    index: int = 0
    """Of the companion model's namespace."""
    _shown: dict[str, tuple[State, Step]] = field(default_factory=dict[str, tuple[State, Step]])

    async def prepare(self) -> None:
        """Read the companion model."""
        stack = self.server.stack
        await stack.import_xml(_NODESET)
        await stack.load_data_type_definitions()
        self.index = await stack.get_namespace_index(MODEL)

    async def station_added(self, station_id: str) -> None:
        """Make a station's system."""
        place = f"station/{station_id}/vision"
        parent = self.server.stack.get_node(self.server.node_id(f"station/{station_id}"))
        system = await self._make(parent, place, "VisionSystem", _SYSTEM)
        machine = self.server.stack.get_node(self.server.node_id(f"{place}.VisionStateMachine"))
        await self._make(
            machine,
            f"{place}.VisionStateMachine.AutomaticModeStateMachine",
            "AutomaticModeStateMachine",
            _AUTOMATIC,
        )
        await self._make(system, f"{place}.ResultManagement", "ResultManagement", _RESULTS)
        await self._make(system, f"{place}.RecipeManagement", "RecipeManagement", _RECIPES)
        await let_watch(self.server.core, system.nodeid)
        for name, method in self.methods.items():
            node = self.server.node_id(f"{place}.{name}")
            self.server.core.isession.add_method_callback(node, self._guarded(station_id, method))
        await self.show(station_id, State.PREOPERATIONAL, Step.INITIALIZED, "starting")

    async def show(self, station_id: str, state: State, step: Step, why: str) -> None:
        """Write both state machines; a change of state is told."""
        before = self._shown.get(station_id)
        if before == (state, step) or station_id not in self.server.stations:
            return
        self._shown[station_id] = (state, step)
        machine = f"station/{station_id}/vision.VisionStateMachine"
        await self._write_state(machine, state.value, _STATES[state])
        await self._write_state(f"{machine}.AutomaticModeStateMachine", step.value, _STEPS[step])
        if before is not None and before[0] is not state:
            await self._tell_change(station_id, before[0], state, why)

    def shown(self, station_id: str) -> tuple[State, Step] | None:
        """What was written last."""
        return self._shown.get(station_id)

    async def ready(self, part: Inspection) -> None:
        """Tell of a result, if anybody wants to know."""
        nodes = self._nodes(part.station_id)
        if not watched(self.server.core, nodes):
            return
        event = self._event(
            part.station_id, _RESULT_READY, f"result of {part.part_id or part.frame_id}", part.judged_at
        )
        found = components(part)
        event.add_property("ResultId", found["ResultId"], ua.VariantType.ExtensionObject)
        for name, kind in COMPONENTS:
            event.add_property(name, found[name], kind)
        event.add_property("ResultContent", content(part), ua.VariantType.Variant)
        await emit(self.server.core, event, nodes)

    async def _tell_change(self, station_id: str, before: State, after: State, why: str) -> None:
        event = self._event(station_id, _STATE_CHANGED, f"{after.value}: {why}", datetime.now(UTC))
        event.add_property("FromState", ua.LocalizedText(before.value), ua.VariantType.LocalizedText)
        event.add_property("ToState", ua.LocalizedText(after.value), ua.VariantType.LocalizedText)
        transition = ua.LocalizedText(f"{before.value}To{after.value}")
        event.add_property("Transition", transition, ua.VariantType.LocalizedText)
        await emit(self.server.core, event, self._nodes(station_id))

    def _event(self, station_id: str, kind: int, message: str, at: datetime) -> Any:
        event: Any = BaseEvent(message=message, severity=100)
        event.EventType = ua.NodeId(kind, self.index)
        source = self.server.node_id(f"station/{station_id}/vision")
        return filled(event, source, station_id, at, datetime.now(UTC))

    def _nodes(self, station_id: str) -> tuple[ua.NodeId, ...]:
        own = f"station/{station_id}"
        return (
            self.server.node_id(f"{own}/vision"), self.server.node_id(own),
            self.server.node_id("Andon"), SERVER,
        )  # fmt: skip

    async def _make(self, parent: Node, place: str, name: str, kind: int) -> Node:
        made: Any = await parent.add_object(
            self.server.node_id(place),
            ua.QualifiedName(name, self.index),
            objecttype=ua.NodeId(kind, self.index),
            instantiate_optional=False,
        )
        return made

    async def _write_state(self, machine: str, name: str, state: int) -> None:
        now = datetime.now(UTC)
        values = {
            "CurrentState": ua.Variant(ua.LocalizedText(name), ua.VariantType.LocalizedText),
            "CurrentState.Id": ua.Variant(ua.NodeId(state, self.index), ua.VariantType.NodeId),
        }
        for node, value in values.items():
            await self.server.write(
                f"{machine}.{node}", ua.DataValue(value, SourceTimestamp=now, ServerTimestamp=now)
            )

    def _guarded(self, station_id: str, method: Method) -> Any:
        async def called(_parent: ua.NodeId, *given: ua.Variant) -> Any:
            who = caller.get()
            if who is None:
                return ua.StatusCode(ua.StatusCodes.BadUserAccessDenied)
            try:
                return await method(station_id, who, given)
            except Refused as refused:
                _log.warning(
                    "a call was refused", station=station_id, user=who.visitor.name, why=str(refused)
                )
                return ua.StatusCode(_CODES.get(refused.code, ua.StatusCodes.BadInvalidArgument))
            except (IndexError, AttributeError, ValueError, TypeError):
                return ua.StatusCode(ua.StatusCodes.BadInvalidArgument)

        return called
