"""Dashboards hear how every part is doing and what people set up, without asking again and again."""

import asyncio
import json
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from andon.contracts import Unavailable, alerting, config, fieldbus, opcua
from andon.contracts.config import Document
from andon.gateway.realtime import wellbeing
from andon.gateway.realtime.feed import Feed, Notice
from andon.gateway.realtime.wellbeing import ADDRESS, Look, Wellbeing
from andon.gateway.visual_inspection import health
from andon.messaging import BusSettings, Service
from andon.testing import build, eventually

EXAMPLES = Path(__file__).parents[3] / "contracts/examples"


def example(subject, *, reply=False):
    name = f"{subject.address}{'.reply' if reply else ''}.json"
    return (subject.reply if reply else subject.payload).model_validate_json((EXAMPLES / name).read_text())


@asynccontextmanager
async def stream(client, **headers):
    async with client.stream("GET", "/api/v1/events", headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        yield told(answer)


async def told(answer):
    event = {}
    async for text in answer.aiter_lines():
        name, _, value = text.partition(": ")
        if text == "" and "event" in event:
            yield event
            event = {}
        elif text == "":
            event = {}
        elif name:
            event[name] = value


async def the_next(events, address):
    async with asyncio.timeout(10):
        async for event in events:
            if event["event"] == address:
                return event
    raise AssertionError("the stream ended")


async def well(events, name):
    event = await the_next(events, ADDRESS)
    assert "id" not in event  # the place to come back to is another's
    return {part["name"]: part["well"] for part in json.loads(event["data"])["parts"]}[name]


async def test_a_service_that_goes_and_comes_back_is_heard_and_told_to_who_comes_later(
    line, client, monkeypatch
):
    monkeypatch.setattr(wellbeing, "_LOOK_SECONDS", 0.1)
    monkeypatch.setattr(wellbeing, "_SURE_SECONDS", 0.05)
    monkeypatch.setattr(health, "_PATIENCE", 0.3)  # the bridge is away
    async with stream(client) as events:
        assert await well(events, "alerting")
        line.answers[alerting.LIST] = Unavailable("away")
        assert not await well(events, "alerting")
        async with stream(client) as later:
            assert not await well(later, "alerting")
        line.answers[alerting.LIST] = alerting.Alerts(alerts=())
        assert await well(events, "alerting")


async def test_one_bad_look_is_no_news_and_nobody_listening_no_work(monkeypatch):
    monkeypatch.setattr(wellbeing, "_SURE_SECONDS", 0)
    looks = [True, False, True, False, False]
    heard = []

    async def look():
        fine = looks.pop(0)
        return Look(shown={"parts": []}, well={"queue": fine})

    feed = Feed(Service("gateway", BusSettings()), {})
    monkeypatch.setattr(feed, "tell", heard.append)
    watch = Wellbeing(feed, look)
    await watch.see()
    assert len(heard) == 1
    await watch.see()  # bad once, then good
    assert len(heard) == 1
    await watch.see()  # bad twice
    assert len(heard) == 2
    assert isinstance(heard[1], Notice)
    assert heard[1].event.startswith(b"event: gateway.health.changed.v1\n")
    running = asyncio.create_task(watch.run())

    async def forgotten():
        return watch.latest is None

    await eventually(forgotten)
    running.cancel()
    assert looks == []


@pytest.mark.parametrize(
    "subject",
    [
        alerting.RULE_CHANGED,
        alerting.SILENCE_CHANGED,
        alerting.CHANNEL_CHANGED,
        fieldbus.CHANGED,
        opcua.CLIENTS_CHANGED,
        opcua.CERTIFICATES_CHANGED,
    ],
)
async def test_an_operator_hears_what_changed(line, address, subject):
    message = example(subject)
    headers = {"Authorization": f"Bearer {line.token('operator')}", "Last-Event-ID": "0"}
    operator = httpx.AsyncClient(base_url=f"http://{address}", headers=headers, timeout=15)
    async with operator, stream(operator) as events:
        await line.bus.say(subject, message)
        event = await the_next(events, subject.address)
    assert json.loads(event["data"]) == message.model_dump(mode="json")
    assert int(event["id"]) > 0


async def test_of_the_configuration_only_its_revision_is_told(line, client):
    async with stream(client, **{"Last-Event-ID": "0"}) as events:
        await line.bus.say(config.CHANGED, Document(revision=7, changed_at=build.NOON, changed_by="eve"))
        event = await the_next(events, "config.document.changed.v1")
    assert json.loads(event["data"]) == {"revision": 7}
