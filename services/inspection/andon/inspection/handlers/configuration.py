"""Reads and changes the configuration, and tells everybody who uses it."""

import asyncio
from dataclasses import dataclass

from andon.contracts import Conflict, Unavailable, config
from andon.contracts.config import Document
from andon.inspection.adapters.keys import KeyBox
from andon.inspection.domain.configuration import API_KEY, changed, differences
from andon.inspection.store.configuration import ConfigurationStore, Kept
from andon.messaging import Delivery, Service
from andon.telemetry import log

_log = log(__name__)
_ATTEMPTS = 10
_LOOK_SECONDS = 0.5
"""How soon a change made through another process holds in this one."""


@dataclass(frozen=True)
class ConfigurationDesk:
    """The one place where the configuration changes."""

    store: ConfigurationStore
    keys: KeyBox
    bus: Service

    async def get(self, _: config.GetDocument, __: Delivery) -> Document:
        return self.store.document(await self.store.read())

    async def history(self, wanted: config.ListRevisions, _: Delivery) -> config.Revisions:
        await self._settled()
        return config.Revisions(revisions=tuple(await self.store.history(wanted.limit, wanted.before)))

    async def change(self, wanted: config.ChangeDocument, __: Delivery) -> Document:
        """All that is named, or nothing. What changes nothing makes no revision."""
        for _ in range(_ATTEMPTS):
            before = await self._settled()
            if wanted.revision is not None and wanted.revision != before.revision:
                raise Conflict(
                    f"revision: the configuration is at revision {before.revision} by now, not at "
                    f"{wanted.revision}; read it again",
                    {"revision": f"is {before.revision}"},
                )
            after = await self._changed(wanted, before)
            if after is before:
                return self.store.document(before)
            if after is not None:
                await self._tell(after)
                return self.store.document(after)
        raise Unavailable("the configuration is being changed by others; try again")

    async def keep_up(self) -> None:
        """Background task: hold what other processes change, and tell what was left untold."""
        while True:
            try:
                await self._settled()
            except Unavailable as away:
                _log.warning("the configuration can't be read", reason=str(away))
            await asyncio.sleep(_LOOK_SECONDS)

    async def _changed(self, wanted: config.ChangeDocument, before: Kept) -> Kept | None:
        chosen = changed(self.store.defaults, before.values, wanted.changes)
        if chosen.get(API_KEY) != before.values.get(API_KEY):
            chosen[API_KEY] = await self.keys.sealed(str(chosen.get(API_KEY) or ""))
        chosen = {field: value for field, value in chosen.items() if value != ""}
        changes = differences(self.store.defaults, before.values, chosen)
        if chosen == before.values:
            return before
        return await self.store.change(before, chosen, changes, wanted.by)

    async def _settled(self) -> Kept:
        kept = await self.store.read()
        if not kept.told:
            await self._tell(kept)
        return kept

    async def _tell(self, kept: Kept) -> None:
        """History first, then the bus; what does not succeed now is done by the next look."""
        try:
            await self.store.tell(kept)
            once = f"config-{kept.revision}-{kept.changed_at}"
            await self.bus.say(config.CHANGED, self.store.document(kept), once=once)
            await self.store.told(kept)
        except Unavailable as away:
            _log.warning("a new configuration is not told yet", revision=kept.revision, reason=str(away))
