"""Events: who watches, what is sent where, and what asyncua leaves out."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false
# ruff: noqa: SLF001 - what asyncua keeps of a subscription can't be asked for otherwise

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import uuid4

from asyncua import ua
from asyncua.common.event_objects import RefreshEndEvent, RefreshStartEvent
from asyncua.server.internal_server import InternalServer
from asyncua.server.monitored_item_service import WhereClauseEvaluator

SERVER = ua.NodeId(ua.ObjectIds.Server)
_SUBTYPE = ua.NodeId(ua.ObjectIds.HasSubtype)
_eval_el = WhereClauseEvaluator._eval_el


def watched(core: InternalServer, nodes: Iterable[ua.NodeId]) -> bool:
    """Whether somebody wants the events of one of these nodes: else none need to be made."""
    every = core.subscription_service.subscriptions.values()
    return any(node in each.monitored_item_srv._monitored_events for each in every for node in nodes)


async def emit(core: InternalServer, event: Any, nodes: Iterable[ua.NodeId]) -> None:
    """Send an event from several nodes; as shipped, one of a station is not seen on the Server."""
    for node in nodes:
        event.emitting_node = node
        for each in list(core.subscription_service.subscriptions.values()):
            await each.monitored_item_srv.trigger_event(event)


def filled(event: Any, source: ua.NodeId, name: str, at: datetime, now: datetime) -> Any:
    """An event with what every event has."""
    event.EventId = uuid4().bytes
    event.SourceNode, event.SourceName = source, name
    event.Time, event.ReceiveTime = at, now
    event.LocalTime = ua.TimeZoneDataType(Offset=0, DaylightSavingInOffset=False)
    return event


async def refresh(
    subscription: Any,
    conditions: Iterable[tuple[Any, tuple[ua.NodeId, ...]]],
    now: datetime,
    only: int | None,
) -> None:
    """Tell every event item of a subscription, or one, what conditions there are."""
    service = subscription.monitored_item_srv
    items = [(node, mid) for node, mids in service._monitored_events.items() for mid in mids]
    retained = list(conditions)
    for node, mid in items:
        if only is not None and mid != only:
            continue
        await service._trigger_event(_mark(RefreshStartEvent(), now), mid)
        for event, nodes in retained:
            if node in nodes:
                await service._trigger_event(event, mid)
        await service._trigger_event(_mark(RefreshEndEvent(), now), mid)


async def let_watch(core: InternalServer, node: ua.NodeId) -> None:
    """Let clients subscribe to a node's events."""
    value = ua.DataValue(ua.Variant(1, ua.VariantType.Byte))
    await core.write_attribute_value(node, value, ua.AttributeIds.EventNotifier)


def _mark(event: Any, now: datetime) -> Any:
    event.Severity = 100
    event.Message = ua.LocalizedText("refresh")
    return filled(event, SERVER, "Server", now, now)


def _is_kind(aspace: Any, kind: ua.NodeId | None, wanted: ua.NodeId) -> bool:
    while kind is not None:
        if kind == wanted:
            return True
        node = aspace.get(kind)
        above = [
            each.NodeId
            for each in (node.references if node else ())
            if not each.IsForward and each.ReferenceTypeId == _SUBTYPE
        ]
        kind = above[0] if above else None
    return False


def _of_type_too(self: WhereClauseEvaluator, index: int, event: Any) -> Any:
    # As shipped, OfType means the type alone: a filter for alarms would let no alarm pass.
    element = self.elements[index]
    if element.FilterOperator == ua.FilterOperator.OfType:
        return _is_kind(self._aspace, event.EventType, self._eval_op(element.FilterOperands[0], event))
    return _eval_el(self, index, event)


def harden_events() -> None:
    """Patch what no subclass can reach; a repeat is harmless."""
    WhereClauseEvaluator._eval_el = _of_type_too
