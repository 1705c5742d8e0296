"""The store ends between any two of its steps: one version is active, and nothing is lost."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from andon.component_store.adapters.contents import Contents
from andon.component_store.app import SERVICE
from andon.component_store.domain.content import Room, digest
from andon.component_store.handlers.activation import Activator, Finisher
from andon.component_store.handlers.reading import Reader
from andon.component_store.handlers.uploads import Intake
from andon.component_store.store import HistoryStore, InlineStore, PointerStore, VersionStore
from andon.contracts import NotFound, Unavailable, component
from andon.contracts.component import ActivateVersion, UploadVersion
from andon.messaging import Delivery, Service
from andon.runtime import serving
from andon.storage import Blobs
from andon.testing import eventually

ASKED = Delivery("", 0, 1, datetime.now(UTC), {}, b"")
PATH = "model/resnet.py"


class Died(BaseException):
    """The process ended here."""


@dataclass
class Fuse:
    """Steps that are left until the end."""

    steps: int

    def burn(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise Died


class Mortal:
    """A collaborator of which every call is a step, after which the process may end."""

    def __init__(self, real: Any, fuse: Fuse) -> None:
        self._real, self._fuse = real, fuse

    def __getattr__(self, name: str) -> Any:
        async def step(*values: Any, **named: Any) -> Any:
            self._fuse.burn()
            done = await getattr(self._real, name)(*values, **named)
            self._fuse.burn()
            return done

        return step


@dataclass
class Parts:
    """What a store stands on, and each new process of it."""

    versions: VersionStore
    pointers: PointerStore
    history: HistoryStore
    contents: Contents
    bus: Service

    def process(self, steps: int = 10_000) -> Intake:
        fuse = Fuse(steps)
        stores: list[Any] = [self.versions, self.pointers, self.history, self.bus, self.contents]
        mortals: list[Any] = [Mortal(each, fuse) for each in stores]
        versions, pointers, history, bus, contents = mortals
        reader = Reader(versions, pointers, history, contents)
        return Intake(
            Activator(versions, pointers, history, bus), contents, reader, Room(1 << 20, 1 << 20), None
        )

    async def finished(self) -> None:
        await Finisher(Activator(self.versions, self.pointers, self.history, self.bus)).finish()


@pytest.fixture
async def parts(settings, mongo) -> AsyncIterator[Parts]:
    database = mongo.database("component-store")
    async with Blobs(settings.s3) as blobs, Service("component-store", settings.bus) as bus:
        versions, pointers, history = VersionStore(database), PointerStore(database), HistoryStore(database)
        for store in (versions, pointers, history):
            await store.prepare()
        yield Parts(versions, pointers, history, Contents(InlineStore(database), blobs, 10_000), bus)


def upload(text: str) -> UploadVersion:
    return UploadVersion(path=PATH, content=text.encode(), by="eve", why="better")


async def check_whole(parts: Parts) -> str:
    """The content that is active."""
    pointer = await parts.pointers.get(PATH)
    assert pointer
    assert pointer.active
    assert not pointer.open
    assert not pointer.pending
    assert not await parts.versions.open()
    history = await parts.history.of(PATH, 100)
    assert [each.sequence for each in history] == list(range(pointer.version, 0, -1))
    assert all(later.previous_sha256 == earlier.sha256 for later, earlier in pairwise(history))
    assert history[0].sha256 == pointer.active
    assert pointer.version_count == await parts.versions.count(PATH)
    return (await parts.contents.read(pointer.active)).decode()


@pytest.mark.long
async def test_an_upload_that_dies_at_any_step_leaves_one_active_and_can_be_repeated(parts):
    died, steps = 0, 0
    while True:
        before = f"before = {steps}\n"
        await parts.process().upload(upload(before), ASKED)
        after = f"after = {steps}\n"
        try:
            await parts.process(steps).upload(upload(after), ASKED)
        except Died:
            died += 1
        else:
            break
        await parts.finished()
        kept = {each.sha256 for each in await parts.versions.of(PATH, 1000)}
        active = await check_whole(parts)
        assert active in (before, after)
        assert (active == after) == (digest(after.encode()).sha256 in kept), (
            "what was kept was to become active"
        )
        again = await parts.process().upload(upload(after), ASKED)
        assert again.version.is_active
        assert await check_whole(parts) == after
        steps += 1
    assert died > 10


async def test_an_activation_that_dies_at_any_step_leaves_one_active_and_is_told(parts, gateway):
    first = (await parts.process().upload(upload("a = 1\n"), ASKED)).version
    died, steps = 0, 0
    while True:
        await parts.process().upload(upload("a = 2\n"), ASKED)
        try:
            await parts.process(steps).activate(ActivateVersion(hash=first.hash, by="eve"), ASKED)
        except Died:
            died += 1
        else:
            break
        await parts.finished()
        assert await check_whole(parts) in ("a = 1\n", "a = 2\n")
        steps += 1
    assert died > 5
    moves = (await parts.history.of(PATH, 1))[0].sequence

    def told() -> set[int]:
        address = component.ACTIVATED.address
        return {message.sequence for said, message in gateway.heard if said == address}

    await eventually(lambda: told() == set(range(1, moves + 1)))


async def test_a_service_that_starts_finishes_what_the_last_one_left(parts, settings, gateway):
    with pytest.raises(Died):  # content kept, pointer made, version added, and no more
        await parts.process(7).upload(upload("a = 1\n"), ASKED)
    assert len(await parts.versions.open()) == 1
    async with serving(SERVICE, settings):
        found = await eventually(lambda: answered(gateway))
        assert found.content == b"a = 1\n"
        await eventually(lambda: len(gateway.heard) == 2)


async def test_who_activated_later_is_not_overruled_by_an_upload_that_died(parts):
    with pytest.raises(Died):
        await parts.process(7).upload(upload("a = 1\n"), ASKED)
    await parts.process().upload(upload("a = 2\n"), ASKED)
    await parts.finished()
    assert await check_whole(parts) == "a = 2\n"
    assert await parts.versions.count(PATH) == 2


async def answered(gateway: Any) -> Any:
    try:
        return await gateway.active(PATH)
    except (NotFound, Unavailable):
        return None
