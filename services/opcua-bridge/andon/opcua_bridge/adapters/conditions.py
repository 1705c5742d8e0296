"""Alarm conditions: nodes, events, and the methods that operators answer with."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from asyncua import ua
from asyncua.common.event_objects import OffNormalAlarm

from andon.contracts import Refused
from andon.opcua_bridge.adapters.events import SERVER, emit, filled, let_watch, refresh
from andon.opcua_bridge.adapters.server import OpcuaServer
from andon.opcua_bridge.adapters.visitors import Caller, caller
from andon.opcua_bridge.domain.alarms import Alarm
from andon.telemetry import log

_ACKNOWLEDGE = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Acknowledge)
_CONFIRM = ua.NodeId(ua.ObjectIds.AcknowledgeableConditionType_Confirm)
_COMMENT = ua.NodeId(ua.ObjectIds.ConditionType_AddComment)
_REFRESH = (ua.ObjectIds.ConditionType_ConditionRefresh, ua.ObjectIds.ConditionType_ConditionRefresh2)
_LONGEST_COMMENT = 2000

_CODES = {
    "forbidden": ua.StatusCodes.BadUserAccessDenied,
    "not_found": ua.StatusCodes.BadNodeIdUnknown,
    "conflict": ua.StatusCodes.BadConditionBranchAlreadyAcked,
    "unavailable": ua.StatusCodes.BadResourceUnavailable,
    "bad_request": ua.StatusCodes.BadInvalidArgument,
}

_log = log("andon.opcua_bridge")

Answer = Callable[[str, bytes, str, Caller], Awaitable[None]]
"""Asked with the condition's name, the event's id, a comment and who it is. Raises Refused."""


async def _nobody(_condition: str, _event_id: bytes, _comment: str, _who: Caller) -> None:
    return


class UnknownEvent(Refused):
    """An operator answers to something that this condition never said."""

    code, status = "unknown_event", 400


@dataclass
class Conditions:
    """Made as alerts come; one per rule and subject, which stays."""

    server: OpcuaServer
    acknowledge: Answer = _nobody
    confirm: Answer = _nobody
    comment: Answer = _nobody
    _shown: dict[str, tuple[Alarm, Any]] = field(default_factory=dict[str, tuple[Alarm, Any]])

    _showing: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self) -> None:
        """Let clients watch, refresh and answer."""
        core = self.server.core
        folder = self.server.node_id("Andon")
        for node in (SERVER, folder, self.server.node_id("SystemStatus")):
            await let_watch(core, node)
        await self._refer(SERVER, ua.ObjectIds.HasNotifier, folder)
        for method, answer in self._methods():
            core.isession.add_method_callback(method, answer)
        for each in _REFRESH:
            core.isession.add_method_callback(ua.NodeId(each), self._refresh)

    async def station_added(self, station_id: str) -> None:
        """Let clients watch a station."""
        node = self.server.node_id(f"station/{station_id}")
        await let_watch(self.server.core, node)
        await self._refer(self.server.node_id("Andon"), ua.ObjectIds.HasNotifier, node)

    async def show(self, alarm: Alarm) -> None:
        """Say what became of an alarm; of an older alert than the one that is shown, nothing."""
        async with self._showing:
            before = self._shown.get(alarm.condition)
            if before is not None and (before[0] == alarm or before[0].began > alarm.began):
                return
            if before is None:
                await self._plant(alarm)
            event = self._event(alarm)
            self._shown[alarm.condition] = (alarm, event)
            await self._write(alarm)
            await emit(self.server.core, event, self._nodes(alarm))

    def active(self) -> tuple[Alarm, ...]:
        """Alarms that are not over."""
        return tuple(alarm for alarm, _ in self._shown.values() if alarm.active)

    def _nodes(self, alarm: Alarm) -> tuple[ua.NodeId, ...]:
        return (self._source(alarm), self.server.node_id("Andon"), SERVER)

    def _source(self, alarm: Alarm) -> ua.NodeId:
        known = alarm.station_id in self.server.stations
        return self.server.node_id(f"station/{alarm.station_id}" if known else "SystemStatus")

    async def _plant(self, alarm: Alarm) -> None:
        source = self.server.stack.get_node(self._source(alarm))
        node_id = self.server.node_id(alarm.condition)
        name = ua.QualifiedName(alarm.condition.removeprefix("alarm/"), self.server.index)
        kind = ua.NodeId(ua.ObjectIds.OffNormalAlarmType)
        node = await source.add_object(node_id, name, objecttype=kind, instantiate_optional=False)
        await self._refer(source.nodeid, ua.ObjectIds.HasCondition, node_id)
        await self._refer(node_id, ua.ObjectIds.HasComponent, _CONFIRM, ua.NodeClass.Method)
        core = self.server.core
        for method, answer in self._methods():
            own = core.aspace.get(method)
            title = own.attributes[ua.AttributeIds.BrowseName].value.Value.Value.Name
            child = ua.NodeId(f"{node_id.Identifier}.{title}", node_id.NamespaceIndex)
            if child in core.aspace:
                core.isession.add_method_callback(child, answer)
        await let_watch(core, node.nodeid)

    def _methods(self) -> tuple[tuple[ua.NodeId, Any], ...]:
        return (
            (_ACKNOWLEDGE, self._answering(self.acknowledge)),
            (_CONFIRM, self._answering(self.confirm)),
            (_COMMENT, self._answering(self.comment)),
        )

    def _answering(self, answer: Answer) -> Any:
        async def method(parent: ua.NodeId, event_id: ua.Variant, comment: ua.Variant) -> Any:
            who = caller.get()
            name = str(parent.Identifier)
            if who is None or parent.NamespaceIndex != self.server.index or name not in self._shown:
                return ua.StatusCode(ua.StatusCodes.BadNodeIdUnknown)
            text = (comment.Value.Text or "" if comment.Value is not None else "")[:_LONGEST_COMMENT]
            try:
                await answer(name, bytes(event_id.Value or b""), text, who)
            except UnknownEvent:
                return ua.StatusCode(ua.StatusCodes.BadEventIdUnknown)
            except Refused as refused:
                _log.warning(
                    "an operator was refused", condition=name, user=who.visitor.name, why=str(refused)
                )
                return ua.StatusCode(_CODES.get(refused.code, ua.StatusCodes.BadInvalidState))
            return []

        return method

    async def _refresh(self, _parent: ua.NodeId, subscription: ua.Variant, item: Any = None) -> Any:
        who = caller.get()
        found = self.server.core.subscription_service.subscriptions.get(int(subscription.Value or 0))
        if who is None or found is None or str(found.session_id.Identifier) != who.session_id:
            return ua.StatusCode(ua.StatusCodes.BadSubscriptionIdInvalid)
        retained = [(event, self._nodes(alarm)) for alarm, event in self._shown.values() if alarm.retained]
        await refresh(found, retained, datetime.now(UTC), None if item is None else int(item.Value))
        return []

    def _event(self, alarm: Alarm) -> Any:
        source = self._source(alarm)
        event = OffNormalAlarm()
        filled(event, source, str(source.Identifier).removeprefix("station/"), alarm.at, datetime.now(UTC))
        event.EventId = alarm.event_id
        event.Message, event.Severity = ua.LocalizedText(alarm.message), alarm.severity
        event.add_property("NodeId", self.server.node_id(alarm.condition), ua.VariantType.NodeId)
        event.ConditionClassId = ua.NodeId(ua.ObjectIds.ProcessConditionClassType)
        event.ConditionClassName = ua.LocalizedText("ProcessConditionClass")
        event.ConditionName, event.BranchId = alarm.name, ua.NodeId()
        event.Retain, event.ClientUserId = alarm.retained, alarm.by
        event.Quality, event.LastSeverity = ua.StatusCode(ua.StatusCodes.Good), alarm.severity
        event.Comment = ua.LocalizedText(alarm.comment)
        event.InputNode, event.NormalState = ua.NodeId(), ua.NodeId()
        event.SuppressedOrShelved = False
        for name, value in _states(alarm).items():
            setattr(event, name, ua.LocalizedText(value[1]))
            event.add_property(f"{name}/Id", value[0], ua.VariantType.Boolean)
        return event

    async def _write(self, alarm: Alarm) -> None:
        """What is read from the condition's node is what its last event said."""
        values: dict[str, ua.Variant] = {
            "EventId": ua.Variant(alarm.event_id, ua.VariantType.ByteString),
            "Time": ua.Variant(alarm.at, ua.VariantType.DateTime),
            "Message": ua.Variant(ua.LocalizedText(alarm.message), ua.VariantType.LocalizedText),
            "Severity": ua.Variant(alarm.severity, ua.VariantType.UInt16),
            "ConditionName": ua.Variant(alarm.name, ua.VariantType.String),
            "Retain": ua.Variant(alarm.retained, ua.VariantType.Boolean),
            "SourceNode": ua.Variant(self._source(alarm), ua.VariantType.NodeId),
        }
        for name, (state, text) in _states(alarm).items():
            values[name] = ua.Variant(ua.LocalizedText(text), ua.VariantType.LocalizedText)
            values[f"{name}.Id"] = ua.Variant(state, ua.VariantType.Boolean)
        now = datetime.now(UTC)
        for name, value in values.items():
            node = self.server.node_id(f"{alarm.condition}.{name}")
            if node in self.server.core.aspace:  # ConfirmedState is optional
                written = ua.DataValue(value, SourceTimestamp=alarm.at, ServerTimestamp=now)
                await self.server.core.write_attribute_value(node, written)

    async def _refer(
        self, source: ua.NodeId, kind: int, target: ua.NodeId, of: ua.NodeClass = ua.NodeClass.Object
    ) -> None:
        reference = ua.AddReferencesItem(
            SourceNodeId=source, ReferenceTypeId=ua.NodeId(kind), IsForward=True,
            TargetNodeId=target, TargetNodeClass=of,
        )  # fmt: skip
        await self.server.core.isession.add_references([reference])


def _states(alarm: Alarm) -> dict[str, tuple[bool, str]]:
    return {
        "EnabledState": (True, "Enabled"),
        "ActiveState": (alarm.active, "Active" if alarm.active else "Inactive"),
        "AckedState": (alarm.acknowledged, "Acknowledged" if alarm.acknowledged else "Unacknowledged"),
        "ConfirmedState": (alarm.confirmed, "Confirmed" if alarm.confirmed else "Unconfirmed"),
    }
