"""Alerts of a rule, looked at and seen to together."""

import asyncio
from dataclasses import dataclass

from andon.alerting.domain.groups import grouped
from andon.alerting.domain.lifecycle import Record, acknowledged
from andon.alerting.handlers.desk import Desk
from andon.contracts.alerting import (
    AcknowledgeGroup,
    AlertGroups,
    AlertState,
    GroupAcknowledged,
    ListGroups,
)
from andon.messaging import Delivery

MOST = 500
"""Alerts that one question acknowledges, so that it is answered in time."""

_AT_ONCE = 50


@dataclass(frozen=True)
class Groups:
    desk: Desk

    async def listed(self, _query: ListGroups, _delivery: Delivery) -> AlertGroups:
        return AlertGroups(groups=grouped(await self.desk.alerts.unsettled()))

    async def acknowledge(self, query: AcknowledgeGroup, _delivery: Delivery) -> GroupAcknowledged:
        """Each by itself, as if a person had gone through them."""
        unseen = await self._unseen(query.rule)
        mine = [each for each in unseen if each.timestamp <= query.until][:MOST]
        for begin in range(0, len(mine), _AT_ONCE):
            some = mine[begin : begin + _AT_ONCE]
            await asyncio.gather(*(self._acknowledge(each.id, query.by) for each in some))
        return GroupAcknowledged(count=len(mine), left=len(unseen) - len(mine))

    async def _unseen(self, rule: str) -> list[Record]:
        """Oldest first."""
        unsettled = await self.desk.alerts.unsettled()
        found = [each for each in unsettled if each.rule == rule and each.state is AlertState.OPEN]
        return sorted(found, key=lambda one: one.timestamp)

    async def _acknowledge(self, alert_id: str, by: str) -> None:
        await self.desk.change(alert_id, lambda one: acknowledged(one, by, self.desk.clock()))
