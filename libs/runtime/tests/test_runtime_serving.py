"""A service starts its parts in order, tells how it is, and stops them in the reverse."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from andon.contracts import Unavailable, opcua
from andon.messaging import Service
from andon.runtime import Application, HealthSettings, ServiceDefinition, Settings, serving
from andon.testing import Restartable, eventually

STATUS = opcua.Status(enabled=True, running=True, endpoint="opc.tcp://here", station_count=0, nodes=())


@pytest.fixture
def settings(bus_settings):
    return Settings(bus=bus_settings, health=HealthSettings(timeout=1.0))


@asynccontextmanager
async def noted(happened, name):
    happened.append(f"{name} entered")
    yield
    happened.append(f"{name} left")


def defined(settings, **parts):
    bus = Service("tiny", settings.bus)

    async def answer(_question, _delivery):
        return STATUS

    bus.answers(opcua.STATUS, answer)
    return ServiceDefinition("tiny", Settings, lambda _settings: Application(bus=bus, **parts))


async def get(port, path):
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        return await client.get(path)


async def test_resources_are_entered_in_order_and_left_in_reverse(settings):
    happened = []
    parts = (noted(happened, "first"), noted(happened, "second"))
    async with serving(defined(settings, resources=parts), settings) as running:
        assert running.ready
        answer = await running.application.bus.ask(opcua.STATUS, opcua.GetStatus())
        assert answer == STATUS
    assert happened == ["first entered", "second entered", "second left", "first left"]
    assert not running.ready


async def test_health_tells_of_each_dependency_by_name(settings):
    away = []

    async def check():
        if away:
            raise Unavailable("the shelf is empty")

    async with serving(defined(settings, checks={"shelf": check}), settings) as running:
        good = await get(running.health_port, "/ready")
        assert good.status_code == 200
        assert set(good.json()["checks"]) == {"bus", "shelf"}

        away.append(True)
        bad = await get(running.health_port, "/ready")
        assert bad.status_code == 503
        assert bad.json()["checks"]["shelf"]["reason"] == "the shelf is empty"
        assert (await get(running.health_port, "/live")).status_code == 200


async def test_a_dependency_that_hangs_is_not_ready(settings):
    async def hang():
        await asyncio.Event().wait()

    async with serving(defined(settings, checks={"shelf": hang}), settings) as running:
        found = (await get(running.health_port, "/ready")).json()
    assert found["checks"]["shelf"]["reason"] == "no answer within 1 s"


async def test_a_broker_that_went_away_shows_in_health_and_comes_back(
    nats_process: Restartable[str], settings
):
    async with serving(defined(settings), settings) as running:
        nats_process.kill()

        async def status():
            return (await get(running.health_port, "/ready")).status_code

        async def is_down():
            return await status() == 503

        async def is_up():
            return await status() == 200

        await eventually(is_down)
        await nats_process.start()
        await eventually(is_up, within=20)


async def test_metrics_are_served(settings):
    async with serving(defined(settings), settings) as running:
        answer = await get(running.health_port, "/metrics")
    assert answer.status_code == 200
    assert "python_info" in answer.text


async def test_a_web_application_shares_the_loop(settings):
    async def hello(_request):
        return PlainTextResponse("hello")

    app = Starlette(routes=[Route("/", hello)])
    async with serving(defined(settings, http=app), settings) as running:
        assert (await get(running.http_port, "/")).text == "hello"


async def test_what_is_unavailable_at_the_start_is_waited_for(settings):
    attempts = []

    class Slow:
        async def __aenter__(self):
            attempts.append(1)
            if len(attempts) < 3:
                raise Unavailable("not yet")

        async def __aexit__(self, *_error):
            pass

    async with serving(defined(settings, resources=(Slow(),)), settings) as running:
        assert running.ready
    assert len(attempts) == 3


async def test_a_background_task_runs_and_is_cancelled(settings):
    happened = []

    async def work():
        happened.append("began")
        try:
            await asyncio.Event().wait()
        finally:
            happened.append("ended")

    async with serving(defined(settings, background=(work,)), settings):
        await eventually(lambda: happened == ["began"])
    assert happened == ["began", "ended"]


async def test_a_background_task_that_fails_is_told(settings):
    async def fail():
        raise RuntimeError("broken")

    async with serving(defined(settings, background=(fail,)), settings) as running:
        with pytest.raises(RuntimeError, match="broken"):
            await asyncio.wait_for(asyncio.shield(running.failed), 5)


async def test_a_taken_port_is_an_error_and_not_the_end_of_the_process(settings):
    async def nothing(_scope, _receive, _send):
        pass

    async with serving(defined(settings), settings) as running:
        taken = defined(settings, http=nothing, http_port=running.health_port)
        with pytest.raises(OSError, match="in use"):
            async with serving(taken, settings):
                pass


async def test_a_task_that_loses_its_first_cancellation_still_ends(settings):
    lost = []

    async def stubborn():
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost.append(True)

    async with asyncio.timeout(20), serving(defined(settings, background=(stubborn,)), settings):
        await asyncio.sleep(0)
    assert lost
