"""Changes of values on their way to subscriptions: encoded once, however many watch a node."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportAssignmentType=false
# ruff: noqa: SLF001 - what is to be put right is asyncua's own

import struct
from collections.abc import Iterable
from dataclasses import replace

from asyncua import ua
from asyncua.server.internal_subscription import InternalSubscription
from asyncua.server.monitored_item_service import MonitoredItemData, MonitoredItemService
from asyncua.ua.ua_binary import create_type_serializer

_KIND = ua.NodeId(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary)
_OVERFLOW = 0x480
"""Info type DataValue, and that values were lost (Part 4, 7.38)."""
_NO_DIAGNOSTICS = struct.pack("<i", 0)

_datachange_callback = MonitoredItemService.datachange_callback
_pop_triggered_datachanges = InternalSubscription._pop_triggered_datachanges
_encode = create_type_serializer(ua.DataValue)

Told = tuple[bytes, ua.DataValue]
"""A monitored item's handle with the encoded value, and the value."""


Queues = dict[int, list[Told]]
"""By monitored item."""


class DataChanges(ua.ExtensionObject):
    """A DataChangeNotification that is encoded already."""

    count = 0
    """How many values it tells."""

    @classmethod
    def of(cls, told: Iterable[Told]) -> "DataChanges":
        """In the order given."""
        parts = [each for each, _ in told]
        body = b"".join((struct.pack("<i", len(parts)), *parts, _NO_DIAGNOSTICS))
        made = cls(TypeId=_KIND, Body=body)
        object.__setattr__(made, "count", len(parts))
        return made


class _Latest:
    """What was found out of the latest value: whoever watches a node is told of it in turn.

    Values are compared by identity. Nothing changes a DataValue once it is written.
    """

    def __init__(self) -> None:
        self._value: ua.DataValue | None = None
        self._encoded = b""
        self._pair: tuple[ua.DataValue | None, ua.DataValue | None] = (None, None)
        self._differ = False

    def encoded(self, value: ua.DataValue) -> bytes:
        if value is not self._value:
            self._value, self._encoded = value, _encode(value)
        return self._encoded

    def differ(self, old: ua.DataValue | None, new: ua.DataValue) -> bool:
        """In value or status."""
        was, now = self._pair
        if was is not old or now is not new:
            self._pair = (old, new)
            self._differ = old is None or old.StatusCode != new.StatusCode or old.Value != new.Value
        return self._differ


_latest = _Latest()


async def _changed(
    self: MonitoredItemService, handle: int, value: ua.DataValue, error: ua.StatusCode | None = None
) -> None:
    # As shipped, each watcher of each value costs a default value that guesses its type, a deep copy,
    # and an encoding of its own.
    subscription = self.isub
    if error or subscription.pub_request_callback is None:  # The server's own need no encoding.
        await _datachange_callback(self, handle, value, error)
        return
    number = self._monitored_datachange[handle]
    item = self._monitored_items[number]
    if item.mode == ua.MonitoringMode.Disabled:
        return
    if not _is_to_be_told(self, item, value):
        return
    told = (struct.pack("<I", item.client_handle or 0) + _latest.encoded(value), value)
    queues: Queues = subscription._triggered_datachanges
    if number not in queues:
        queues[number] = [told]
        if subscription._task is None:  # Otherwise its own loop will look.
            await subscription._trigger_publish()
    else:
        _enqueue(queues[number], told, item.queue_size)


def _is_to_be_told(self: MonitoredItemService, item: MonitoredItemData, value: ua.DataValue) -> bool:
    values, before = item.mvalue, item.mvalue.current_dvalue
    values.old_dvalue, values.current_dvalue = before, value
    if not item.filter:
        return _latest.differ(before, value)
    if not self._is_data_changed(values, item.filter.Trigger):
        return False
    if before is None or before.StatusCode != value.StatusCode:
        return True  # As shipped, a deadband holds back what only its status tells.
    if self._is_deadband_exceeded(values, item.filter):
        return True
    # As shipped, the next value is compared with this one: what moves in small steps would never be told.
    values.current_dvalue = before
    return False


def _enqueue(queue: list[Told], told: Told, size: int) -> None:
    """As shipped, a queue that has lost values does not say so."""
    queue.append(told)
    if not size or len(queue) <= size:
        return
    del queue[0]
    if size > 1:
        first, value = queue[0]
        code = value.StatusCode.value if value.StatusCode is not None else 0
        marked = replace(value, StatusCode=ua.StatusCode(code | _OVERFLOW))
        queue[0] = (first[:4] + _encode(marked), value)


def _pop(self: InternalSubscription, result: ua.PublishResult) -> None:
    if self.pub_request_callback is None:
        _pop_triggered_datachanges(self, result)
        return
    queues: Queues = self._triggered_datachanges
    if queues:
        self._triggered_datachanges = {}
        changes = DataChanges.of(each for queue in queues.values() for each in queue)
        result.NotificationMessage.NotificationData.append(changes)


def harden_changes() -> None:
    """Patch what no subclass can reach; a repeat is harmless."""
    MonitoredItemService.datachange_callback = _changed
    InternalSubscription._pop_triggered_datachanges = _pop
