"""A real component store on a real bus, database and object store, and the gateway's place beside it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from andon.component_store.app import SERVICE, ComponentSettings, ContentSettings
from andon.contracts import Message, Query, component
from andon.messaging import Delivery, Service
from andon.runtime import serving
from andon.storage import Mongo

R = TypeVar("R", bound=Message)


@dataclass
class Store:
    """As the gateway sees it."""

    bus: Service
    heard: list[tuple[str, Any]]

    async def ask(self, query: Query[Any, R], **values: Any) -> R:
        return await self.bus.ask(query, query.payload(**values), timeout=15)

    async def upload(self, path: str, text: str | bytes, **values: Any) -> component.Uploaded:
        content = text if isinstance(text, bytes) else text.encode()
        return await self.ask(component.UPLOAD, **{"path": path, "content": content, "by": "eve", **values})

    async def activate(self, hash_: str, **values: Any) -> component.Activated:
        return await self.ask(component.ACTIVATE, **{"hash": hash_, "by": "eve", **values})

    async def history(self, path: str) -> tuple[component.Activation, ...]:
        return (await self.ask(component.HISTORY, path=path)).activations

    async def versions(self, path: str, **values: Any) -> tuple[component.Version, ...]:
        return (await self.ask(component.LIST_VERSIONS, path=path, **values)).versions

    async def active(self, path: str) -> component.Content:
        return await self.ask(component.GET, path=path)


@pytest.fixture
def settings(bus_settings, mongo_settings, blob_settings) -> ComponentSettings:
    small = ContentSettings(inline_bytes=1000, finish_seconds=0.2)
    return ComponentSettings(bus=bus_settings, mongo=mongo_settings, s3=blob_settings, components=small)


@pytest.fixture
async def mongo(mongo_settings) -> AsyncIterator[Mongo]:
    async with Mongo(mongo_settings) as mongo:
        yield mongo


@pytest.fixture
async def gateway(bus_settings) -> AsyncIterator[Store]:
    """Asks, and hears what is said from now on."""
    heard: list[tuple[str, Any]] = []

    async def hear(message: Message, delivery: Delivery) -> None:
        heard.append((delivery.subject, message))

    async def only_new() -> int:
        return -1

    bus = Service("gateway", bus_settings)
    bus.follows([component.PUBLISHED, component.ACTIVATED], hear, after=only_new)
    async with bus:
        yield Store(bus, heard)


@pytest.fixture
async def store(settings, gateway) -> AsyncIterator[Store]:
    async with serving(SERVICE, settings):
        yield gateway
