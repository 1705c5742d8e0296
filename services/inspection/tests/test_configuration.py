"""Changes of the configuration: whole or not at all, none lost, each told even after a crash."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from andon.contracts import BadRequest, Conflict, Unavailable, config
from andon.contracts.config import Backend, ChangeDocument, QuerySection, Values
from andon.inspection.adapters.keys import KeyBox
from andon.inspection.domain.configuration import changed, differences, effective
from andon.inspection.handlers.configuration import ConfigurationDesk
from andon.inspection.store.configuration import ConfigurationStore
from andon.messaging import Delivery, Service
from andon.storage import Mongo

ASKED = Delivery("", 0, 1, datetime.now(UTC), {}, b"")
OWN = Values(query=QuerySection(backend=Backend.OPENAI, model="own", api_key_set=True))


def desk_on(mongo: Mongo, bus: Service, secret: str = "") -> ConfigurationDesk:
    return ConfigurationDesk(ConfigurationStore(mongo.database("inspection")), KeyBox(SecretStr(secret)), bus)


@pytest.fixture
async def bus(bus_settings) -> AsyncIterator[Service]:
    async with Service("inspection", bus_settings) as bus:
        yield bus


@pytest.fixture
async def mongo(mongo_settings) -> AsyncIterator[Mongo]:
    async with Mongo(mongo_settings) as mongo:
        yield mongo


async def change(desk: ConfigurationDesk, revision: int | None = None, **sections) -> config.Document:
    wanted = ChangeDocument(changes=sections, revision=revision, by="eve")
    return await desk.change(wanted, ASKED)


async def said(bus: Service) -> list[int]:
    told = await bus.replay("config-events", 0, 100)
    return [message.revision for _, message, _ in told if isinstance(message, config.Document)]


async def test_changes_at_the_same_time_are_all_kept_and_told(bus, mongo):
    one, other = desk_on(mongo, bus), desk_on(mongo, bus)
    fields = ["image_retention_days", "record_retention_days", "max_gb", "keep_passed"]
    wanted = [(one, other)[n % 2] for n in range(4)]
    await asyncio.gather(
        *(change(desk, inspection={name: 1}) for desk, name in zip(wanted, fields, strict=True))
    )
    document = await one.get(config.GetDocument(), ASKED)
    assert document.revision == 4
    assert {getattr(document.inspection, name) for name in fields} == {1}
    history = await other.history(config.ListRevisions(), ASKED)
    assert [each.revision for each in history.revisions] == [4, 3, 2, 1]
    assert sorted(set(await said(bus))) == [1, 2, 3, 4]
    with pytest.raises(Conflict, match="at revision 4 by now, not at 3"):
        await change(one, revision=3, batch={"max_concurrent": 1})


async def test_a_change_whose_teller_died_is_told_by_the_next_look(bus, mongo):
    dead = ConfigurationStore(mongo.database("inspection"))
    before = await dead.read()
    chosen = {"alerting.minimum_parts": 5}
    assert await dead.change(before, chosen, differences(Values(), {}, chosen), "eve") is not None
    assert await said(bus) == []
    desk = desk_on(mongo, bus)
    looking = asyncio.ensure_future(desk.keep_up())
    while not await said(bus):  # noqa: ASYNC110 - the test's own time limit ends it
        await asyncio.sleep(0.02)
    looking.cancel()
    assert desk.store.now().alerting.minimum_parts == 5
    [revision] = (await desk.history(config.ListRevisions(), ASKED)).revisions
    assert [(each.field, each.before, each.after) for each in revision.changes] == [
        ("alerting.minimum_parts", 20, 5)
    ]


async def test_a_key_lies_sealed_and_is_opened_with_the_same_secret_alone(bus, mongo):
    desk = desk_on(mongo, bus, "a long secret of the operator")
    told = await change(desk, query={"api_key": "sk-1"})
    assert told.query.api_key_set
    kept = desk.store.api_key()
    assert kept is not None
    assert "sk-1" not in kept
    assert await desk.keys.opened(kept) == "sk-1"
    with pytest.raises(Unavailable, match="sealed with another secret"):
        await KeyBox(SecretStr("another")).opened(kept)
    assert (await change(desk, query={"api_key": ""})).query.api_key_set is False
    assert desk.store.api_key() is None


def test_a_key_goes_to_nobody_it_was_not_given_for():
    assert effective(OWN, {}).query.api_key_set
    assert not effective(OWN, {"query.base_url": "http://elsewhere"}).query.api_key_set
    with_key = {"query.api_key": "k", "query.base_url": "http://here"}
    assert "query.api_key" not in changed(OWN, with_key, {"query": {"base_url": "http://there"}})
    both = {"query": {"base_url": "http://there", "api_key": "n"}}
    assert changed(OWN, with_key, both)["query.api_key"] == "n"
    assert changed(OWN, with_key, {"query": {"model": "m"}})["query.api_key"] == "k"


WRONG = [
    ({"nowhere": {"x": 1}}, "nowhere"),
    ({"batch": {"x": 1}}, "batch.x"),
    ({"batch": {"max_concurrent": 0}}, "batch.max_concurrent"),
    ({"batch": {"max_concurrent": True}}, "batch.max_concurrent"),
    ({"inspection": {"max_gb": float("inf")}}, "inspection.max_gb"),
    ({"query": {"api_key": "two words"}}, "query.api_key"),
    ({"query": {"backend": "anthropic"}}, "query.model"),
    ({"query": {"api_key_set": True}}, "query.api_key_set"),
]


@pytest.mark.parametrize(("wanted", "field"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_named(wanted, field):
    with pytest.raises(BadRequest) as refused:
        changed(Values(), {}, {**wanted, "alerting": {"minimum_parts": 7}})
    assert list(refused.value.problem.fields) == [field]


def test_null_puts_a_value_back_and_the_difference_says_so():
    chosen = {"alerting.minimum_parts": 20, "batch.max_concurrent": 9}
    after = changed(
        Values(), chosen, {"batch": {"max_concurrent": None}, "alerting": {"minimum_parts": None}}
    )
    assert after == {}
    told = [(each.field, each.before, each.after) for each in differences(Values(), chosen, after)]
    assert told == [("alerting.minimum_parts", 20, None), ("batch.max_concurrent", 9, 4)]


def test_shifts_are_kept_in_order_and_told_as_one_text():
    after = changed(Values(), {}, {"site": {"shift_starts": "22:00 05:30 14:00", "zone": "Europe/Berlin"}})
    assert effective(Values(), after).site.shift_starts == ("05:30", "14:00", "22:00")
    told = {each.field: (each.before, each.after) for each in differences(Values(), {}, after)}
    assert told == {
        "site.shift_starts": ("06:00 14:00 22:00", "05:30 14:00 22:00"),
        "site.zone": ("", "Europe/Berlin"),
    }
    document = config.Document(**dict(effective(Values(), after)), chosen=tuple(after))
    assert config.Document.model_validate_json(document.model_dump_json()) == document


@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("shift_starts", "06:00", "a day has 2 to 12 shifts"),
        ("shift_starts", "06:00 14:00 06:00", "two shifts begin at 06:00"),
        ("shift_starts", "06:00 24:00", "'24:00' is no time of day"),
        ("shift_starts", "6 14", "'6' is no time of day"),
        ("shift_starts", 6, "valid tuple"),
        ("zone", "Mars/Olympus", "there is no time zone Mars/Olympus"),
        ("zone", "../etc", "match pattern"),
        ("zone", "Europe", "there is no time zone Europe"),
    ],
)
def test_shifts_that_make_no_sense_are_refused_by_name(field, value, why):
    with pytest.raises(BadRequest, match=why) as refused:
        changed(Values(), {}, {"site": {field: value}})
    assert list(refused.value.problem.fields) == [f"site.{field}"]
