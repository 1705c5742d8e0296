"""Sessions that reach their own subscriptions only, within a budget."""

# asyncua says less of its types than it knows.
# pyright: reportPrivateImportUsage=false, reportArgumentType=false, reportOptionalMemberAccess=false
# ruff: noqa: SLF001 - what asyncua keeps of a subscription can't be asked for otherwise

import asyncio
import math
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.server.internal_session import InternalSession
from asyncua.ua.uaprotocol_auto import DataChangeFilter  # what is read; ua's own is for what is sent

from andon.opcua_bridge.adapters.visitors import Caller, Client, Visitor, caller

if TYPE_CHECKING:
    from andon.opcua_bridge.adapters.hardening import HardenedServer

_NOT_YOURS = ua.StatusCode(ua.StatusCodes.BadSubscriptionIdInvalid)
_NUMBERS = frozenset(
    ua.VariantType(number) for number in range(ua.VariantType.SByte, ua.VariantType.Double + 1)
)
_LEAST_LIVES = 3
"""Keep-alives that a subscription outlives at least (Part 4, 5.13.2.2)."""


class OwnedSession(InternalSession):
    """A session as it should be; as shipped, every session reaches all subscriptions."""

    iserver: "HardenedServer"  # pyright: ignore[reportIncompatibleVariableOverride] - makes no other sessions

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        # As shipped, tokens count up from 1000, and a token is all it takes to take over a session.
        self.iserver.unregister_external_session(self)
        self.auth_token = ua.NodeId(secrets.token_bytes(32), 0, ua.NodeIdType.ByteString)
        self.session_id = ua.NodeId(secrets.token_hex(8), 0, ua.NodeIdType.String)
        self.iserver.register_external_session(self)
        self.client: Client | None = None
        """None until it was created."""

    @property
    def visitor(self) -> Visitor:
        """Who has signed in."""
        return self.user if isinstance(self.user, Visitor) else Visitor()

    @property
    def owned(self) -> list[Any]:
        """Its subscriptions."""
        every = self.subscription_service.subscriptions.values()
        return [each for each in every if each.session_id == self.session_id]

    @property
    def items(self) -> int:
        """Its monitored items."""
        return items_of(self.owned)

    async def create_subscription(
        self, params: Any, callback: Callable[..., Any], request_callback: Callable[..., Any] | None = None
    ) -> Any:
        if len(self.owned) >= self.iserver.budgets.subscriptions_per_session:
            raise self._refused(ua.StatusCodes.BadTooManySubscriptions)
        _revise(params, self.iserver.budgets.publishing_ms)
        return await super().create_subscription(params, callback, request_callback)

    def modify_subscription(self, params: Any) -> Any:
        """As shipped, this answers with what was and changes nothing."""
        subscription = self._own(params.SubscriptionId)
        _revise(params, self.iserver.budgets.publishing_ms)
        service, data = self.subscription_service, subscription.data
        data.RevisedPublishingInterval = params.RequestedPublishingInterval
        data.RevisedLifetimeCount = service._clamp_lifetime_count(params.RequestedLifetimeCount)
        data.RevisedMaxKeepAliveCount = service._clamp_keep_alive_count(params.RequestedMaxKeepAliveCount)
        if subscription._task is not None:
            subscription._task.cancel()
            subscription._task = asyncio.create_task(subscription._subscription_loop())
        return super().modify_subscription(params)

    async def create_monitored_items(self, params: Any) -> Any:
        """What is beyond the budget, or can't be watched, is refused item by item."""
        self._own(params.SubscriptionId)
        room = self.iserver.room_for_items(self)
        wanted = list(params.ItemsToCreate)
        refused = {
            index: code for index, item in enumerate(wanted) if (code := self._misfit(item)) is not None
        }
        fitting = [index for index in range(len(wanted)) if index not in refused]
        for index in fitting[max(0, room) :]:
            refused[index] = self._refused(ua.StatusCodes.BadTooManyMonitoredItems).code
        params.ItemsToCreate = [item for index, item in enumerate(wanted) if index not in refused]
        made = iter(await super().create_monitored_items(params))
        return [
            ua.MonitoredItemCreateResult(StatusCode=ua.StatusCode(refused[index]))
            if index in refused
            else next(made)
            for index in range(len(wanted))
        ]

    async def modify_monitored_items(self, params: Any) -> Any:
        """As shipped, one unknown id fails them all, and queues grow as asked."""
        items = self._own(params.SubscriptionId).monitored_item_srv._monitored_items
        wanted, most = list(params.ItemsToModify), self.iserver.budgets.queue
        for each in wanted:
            asked = each.RequestedParameters
            asked.QueueSize = min(asked.QueueSize or most, most)
        params.ItemsToModify = [each for each in wanted if each.MonitoredItemId in items]
        done = iter(await super().modify_monitored_items(params))
        unknown = ua.StatusCode(ua.StatusCodes.BadMonitoredItemIdInvalid)
        return [
            next(done) if each.MonitoredItemId in items else ua.MonitoredItemModifyResult(StatusCode=unknown)
            for each in wanted
        ]

    async def delete_monitored_items(self, params: Any) -> Any:
        self._own(params.SubscriptionId)
        return await super().delete_monitored_items(params)

    async def set_monitoring_mode(self, params: Any) -> Any:
        self._own(params.SubscriptionId)
        return await super().set_monitoring_mode(params)

    async def set_publishing_mode(self, params: Any) -> Any:
        for subscription_id in params.SubscriptionIds:
            self._own(subscription_id)
        return await super().set_publishing_mode(params)

    async def delete_subscriptions(self, ids: list[int]) -> list[ua.StatusCode]:
        owned = [each for each in ids if self.owns(each)]
        done = dict(zip(owned, await super().delete_subscriptions(owned), strict=True))
        return [done.get(each, _NOT_YOURS) for each in ids]

    def publish(self, acks: Iterable[Any] | None = None) -> tuple[int, list[ua.StatusCode]]:
        mine = len(self.owned)
        if not mine:
            raise ServiceError(ua.StatusCodes.BadNoSubscription)
        given = list(acks or ())
        owned = [self.owns(ack.SubscriptionId) for ack in given]
        _, results = super().publish(ack for ack, own in zip(given, owned, strict=True) if own)
        done = iter(results)
        return mine, [next(done) if own else _NOT_YOURS for own in owned]

    async def transfer_subscriptions(
        self, params: Any, callback: Callable[..., Any]
    ) -> list[ua.TransferResult]:
        """As shipped, anybody may take anything, and what was taken asks the old connection for requests."""
        mine = [each for each in params.SubscriptionIds if self.owns(each) or self._same_user_owns(each)]
        if len(mine) < len(params.SubscriptionIds):
            raise ServiceError(ua.StatusCodes.BadUserAccessDenied)
        results = await super().transfer_subscriptions(params, callback)
        processor: Any = getattr(callback, "__self__", None)
        for subscription_id in mine:
            found = self.subscription_service.subscriptions.get(int(subscription_id))
            if found is not None and processor is not None:
                found.pub_request_callback = processor.get_publish_request
        return results

    def republish(self, params: Any) -> Any:
        """As shipped, whatever is gone is answered with Good and nothing: clients then ask without end."""
        kept = self._own(params.SubscriptionId)._not_acknowledged_results
        if params.RetransmitSequenceNumber not in kept:
            raise ServiceError(ua.StatusCodes.BadMessageNotAvailable)
        return kept[params.RetransmitSequenceNumber].NotificationMessage

    async def history_read(self, params: Any) -> Any:
        return await self.iserver.history.read(params)

    async def call(self, params: Any) -> Any:
        """Methods learn who calls them from `visitors.caller`."""
        address = self.client.address if self.client else ""
        caller.set(Caller(self.visitor, address, str(self.session_id.Identifier)))
        return await super().call(params)

    async def add_nodes(self, params: Any) -> NoReturn:  # noqa: ARG002 - as asyncua calls it
        raise ServiceError(ua.StatusCodes.BadServiceUnsupported)

    delete_nodes = add_references = delete_references = add_nodes

    def owns(self, subscription_id: int) -> bool:
        """Whether a subscription is its own."""
        found = self.subscription_service.subscriptions.get(int(subscription_id))
        return found is not None and found.session_id == self.session_id

    def _own(self, subscription_id: int) -> Any:
        if not self.owns(subscription_id):
            raise ServiceError(ua.StatusCodes.BadSubscriptionIdInvalid)
        return self.subscription_service.subscriptions[int(subscription_id)]

    def _same_user_owns(self, subscription_id: int) -> bool:
        found = self.subscription_service.subscriptions.get(int(subscription_id))
        if found is None:
            return True  # Answered by id, as one that is not there.
        return any(
            each.session_id == found.session_id and each.visitor == self.visitor
            for each in self.iserver.sessions
        )

    def _misfit(self, item: Any) -> int | None:
        """Why an item can't be watched, before asyncua stumbles over it."""
        wanted, watched = item.RequestedParameters.Filter, item.ItemToMonitor
        if watched.AttributeId == ua.AttributeIds.EventNotifier:
            return None if isinstance(wanted, ua.EventFilter) else ua.StatusCodes.BadEventFilterInvalid
        if wanted is None or isinstance(wanted, ua.ExtensionObject):  # an empty one is none
            return None
        if not isinstance(wanted, DataChangeFilter):
            return ua.StatusCodes.BadMonitoredItemFilterUnsupported
        if wanted.DeadbandType == ua.DeadbandType.Percent:  # As shipped, it is accepted and not applied.
            return ua.StatusCodes.BadMonitoredItemFilterUnsupported
        shown = self.aspace.read_attribute_value(watched.NodeId, watched.AttributeId).Value
        if wanted.DeadbandType and (shown is None or shown.VariantType not in _NUMBERS):
            return ua.StatusCodes.BadFilterNotAllowed
        return None

    def _refused(self, code: int) -> ServiceError:
        self.iserver.refused += 1
        return ServiceError(code)


def items_of(subscriptions: Iterable[Any]) -> int:
    """How many monitored items they have."""
    return sum(len(each.monitored_item_srv._monitored_items) for each in subscriptions)


def _revise(params: Any, least_ms: float) -> None:
    asked = params.RequestedPublishingInterval
    params.RequestedPublishingInterval = max(least_ms, asked) if math.isfinite(asked) else least_ms
    lives = params.RequestedMaxKeepAliveCount * _LEAST_LIVES
    params.RequestedLifetimeCount = max(params.RequestedLifetimeCount, lives)
