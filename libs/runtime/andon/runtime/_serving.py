"""Starts a service's parts in order and stops them in the reverse."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from andon.contracts import Unavailable
from andon.runtime._web import listening
from andon.runtime.application import Application, ServiceDefinition
from andon.runtime.health import Health, health_app
from andon.runtime.settings import Settings
from andon.telemetry import log

_FIRST_DELAY, _LONGEST_DELAY = 0.1, 2.0
"""Seconds between two attempts to reach something that is away."""
_CANCEL_AGAIN = 1.0


class Running:
    """A service in this process."""

    def __init__(self, definition: ServiceDefinition, application: Application) -> None:
        self.name = definition.name
        self.application = application
        self.ready = False
        self.http_port: int | None = None
        self.health_port: int | None = None
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done with the error of a background task that ended by itself."""


@asynccontextmanager
async def serving(definition: ServiceDefinition, settings: Settings) -> AsyncGenerator[Running]:
    """Run a service until the block is left.

    What is Unavailable is waited for; any other error of a part comes out of here.
    """
    application = definition.build(settings)
    running = Running(definition, application)
    async with AsyncExitStack() as stack:
        health = Health(running, timeout=settings.health.timeout)
        running.health_port = await stack.enter_async_context(
            listening(health_app(health), settings.health.host, settings.health.port)
        )
        await _start(application, running, settings, stack)
        stack.callback(setattr, running, "ready", False)
        running.ready = True
        log("andon.runtime").info("ready", health_port=running.health_port, http_port=running.http_port)
        yield running


async def _start(
    application: Application, running: Running, settings: Settings, stack: AsyncExitStack
) -> None:
    for resource in application.resources:
        await _entered(resource, stack)
    await application.bus.start()  # it waits for the broker by itself, as long as its settings say
    stack.push_async_callback(application.bus.stop, grace=settings.grace)
    for task in application.background:
        await stack.enter_async_context(_in_background(task, running))
    if application.http is not None:
        running.http_port = await stack.enter_async_context(
            listening(
                application.http,
                application.http_host,
                application.http_port,
                drain=application.http_drain,
                lifespan=True,
            )
        )


async def _entered(resource: Any, stack: AsyncExitStack) -> None:
    delay = _FIRST_DELAY
    while True:
        try:
            await stack.enter_async_context(resource)
        except Unavailable as away:
            log("andon.runtime").warning("waiting", reason=str(away))
            await asyncio.sleep(delay)
            delay = min(delay * 2, _LONGEST_DELAY)
        else:
            return


@asynccontextmanager
async def _in_background(task: Any, running: Running) -> AsyncGenerator[None]:
    job = asyncio.ensure_future(task())

    def tell(done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and (error := done.exception()) and not running.failed.done():
            running.failed.set_exception(error)
            running.failed.exception()  # else asyncio complains when nobody asks

    job.add_done_callback(tell)
    try:
        yield
    finally:
        # Once is not always enough: wait_for of Python 3.11, inside a driver, can lose a cancellation.
        while not job.done():
            job.cancel()
            await asyncio.wait([job], timeout=_CANCEL_AGAIN)
