"""Starts everything in order, watches it, and ends it in the reverse."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from andon.runtime.embedded import LOOPBACK, EmbeddedStack, Server, dies_with_parent, is_free
from andon.runtime.registry import service_names
from andon.runtime.state import StackState, forget
from andon.runtime.up._child_service import ChildService, environment_of_child
from andon.runtime.up._lock import locked
from andon.runtime.up._nursery import Nursery
from andon.runtime.up._output import Voices

_START_LIMIT = 90.0
"""Seconds until all must be ready; a slow disk's first start takes 20."""
_STOP_LIMIT = 8.0
"""Seconds the services get to finish what they have in hand, three more than their own grace."""


class StartFailed(RuntimeError):
    """The stack did not come up; the message says what is in the way."""


@dataclass(frozen=True)
class UpOptions:
    data: Path
    port: int = 8080
    opcua_port: int = 4840
    demo: bool = False
    services: Sequence[str] = ()
    """By default all that are installed."""


def up(options: UpOptions) -> int:
    """Run the stack until SIGINT or SIGTERM; the exit status. Raises InUse, StartFailed, NotReady."""
    with locked(options.data):
        forget(options.data)  # of one that was killed
        return asyncio.run(_Stack(options).run())


class _Stack:
    def __init__(self, options: UpOptions) -> None:
        self._options = options
        self._data = options.data.resolve()
        self._voices = Voices()
        self._embedded = EmbeddedStack(self._data)
        self._state = StackState.of_this_process()
        self._nursery = Nursery()
        self._services: dict[str, ChildService] = {}
        self._lives: list[asyncio.Task[None]] = []
        """One per service; over when it was stopped."""
        self._watches: list[asyncio.Task[None]] = []
        self._asked = asyncio.Event()

    async def run(self) -> int:
        self._listen_for_signals()
        life = asyncio.create_task(self._live())
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((life, asked), return_when=asyncio.FIRST_COMPLETED)
            if life.done():
                await life
        finally:
            asked.cancel()
            life.cancel()
            await asyncio.wait((life,))
            await self._stop()
        return 0

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._ask_to_stop)

    def _ask_to_stop(self) -> None:
        if self._asked.is_set():
            self._say("asked twice: ending at once")
            for service in self._services.values():
                service.kill()
            self._embedded.kill()
        self._asked.set()

    async def _live(self) -> None:
        began = time.monotonic()
        names = self._chosen()
        self._refuse_taken_ports(names)
        self._nursery.open()
        self._start_servers()
        await asyncio.gather(self._servers_ready(), self._declare_topology())
        self._start_services(names)
        await self._services_ready()
        self._state.ready = True
        self._remember()
        self._welcome(time.monotonic() - began)
        # Neither ends by itself unless it is broken.
        await asyncio.wait((*self._lives, *self._watches), return_when=asyncio.FIRST_EXCEPTION)

    def _chosen(self) -> list[str]:
        installed = service_names()
        unknown = set(self._options.services) - set(installed)
        if unknown:
            raise StartFailed(
                f"there is no service {', '.join(sorted(unknown))}; installed are {', '.join(installed)}"
            )
        return list(self._options.services) or installed

    def _refuse_taken_ports(self, names: Sequence[str]) -> None:
        wanted = {
            "gateway": ("--port", self._options.port),
            "opcua-bridge": ("--opcua-port", self._options.opcua_port),
        }
        for name, (option, port) in wanted.items():
            if name in names and port and not is_free(port):
                raise StartFailed(f"port {port} is in use; choose another with {option}")

    def _start_servers(self) -> None:
        for need, address in self._embedded.given.items():
            self._say(f"{need}: yours, at {address.rsplit('@', 1)[-1]}")
        self._embedded.launch()
        self._state.environment = dict(self._embedded.environment)
        if self._options.demo:
            self._state.environment["ANDON_DEMO"] = "true"

    async def _servers_ready(self) -> None:
        async def wait(need: str, server: Server) -> None:
            began = time.monotonic()
            await asyncio.to_thread(server.wait_ready, _START_LIMIT)
            self._say(f"{need}: ready in {time.monotonic() - began:.1f} s")

        servers = self._embedded.servers
        await asyncio.gather(*(wait(need, server) for need, server in servers.items()))
        self._watches = [asyncio.create_task(self._watch(need, server)) for need, server in servers.items()]
        self._remember()

    async def _declare_topology(self) -> None:
        # In a process of its own: the broker's client would double this one's memory for good.
        command = "from andon.runtime.topology import main; main()"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", command,
            env={**os.environ, **self._state.environment},
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=dies_with_parent(),
        )  # fmt: skip
        _, errors = await process.communicate()
        if process.returncode:
            reason = errors.decode(errors="replace").strip().splitlines()[-1:]
            raise StartFailed("the bus's streams can't be declared: " + "".join(reason))

    def _start_services(self, names: Sequence[str]) -> None:
        run = self._data / "run"
        run.mkdir(exist_ok=True)
        doors = {
            "ANDON_HTTP__PORT": str(self._options.port),
            "ANDON_OPCUA__PORT": str(self._options.opcua_port),
        }
        if self._options.demo:  # the services themselves refuse this anywhere but on loopback
            doors |= {
                "ANDON_HTTP__HOST": LOOPBACK,
                "ANDON_OPCUA__HOST": LOOPBACK,
                "ANDON_OPCUA__ANONYMOUS": "true",
            }
        for name in names:
            environment = environment_of_child(name, self._data, {**self._state.environment, **doors})
            service = ChildService(
                name,
                self._nursery,
                environment,
                run / f"{name}.json",
                say=lambda line, name=name: self._voices.say(name, line),
                changed=self._remember,
            )
            self._services[name] = service
            self._lives.append(asyncio.create_task(service.keep_running()))

    async def _services_ready(self) -> None:
        waits = [asyncio.create_task(service.ready.wait()) for service in self._services.values()]
        if not waits:
            return
        _, late = await asyncio.wait(waits, timeout=_START_LIMIT)
        for wait in late:
            wait.cancel()
        slow = [name for name, service in self._services.items() if not service.ready.is_set()]
        if slow:
            raise StartFailed(f"not ready within {_START_LIMIT:g} s: {', '.join(slow)}")

    async def _watch(self, need: str, server: Server) -> None:
        delay = 0.5
        while True:
            await asyncio.sleep(0.25)
            if server.alive or self._asked.is_set():
                continue
            self._say(f"{need} ended; starting it again in {delay:g} s")
            await asyncio.sleep(delay)
            server.launch()
            self._remember()
            delay = min(delay * 2, 30.0)

    def _remember(self) -> None:
        if not self._data.exists():
            return
        self._state.services = {name: service.state for name, service in self._services.items()}
        self._state.servers = {
            **{need: address.rsplit("@", 1)[-1] for need, address in self._embedded.given.items()},
            **{need: f"pid {server.pid}" for need, server in self._embedded.servers.items()},
        }
        gateway = self._services.get("gateway")
        if gateway and gateway.state.http_port:
            self._state.url = f"http://{LOOPBACK}:{gateway.state.http_port}"
        if "opcua-bridge" in self._services:
            self._state.opcua_url = f"opc.tcp://{LOOPBACK}:{self._options.opcua_port}/andon"
        self._state.write(self._data)

    def _welcome(self, took: float) -> None:
        self._say(f"ready in {took:.1f} s, data in {self._options.data}")
        if self._state.url:
            self._say(
                f"open {self._state.url}" + (" and sign in as admin / admin" if self._options.demo else "")
            )
        if self._state.opcua_url:
            self._say(f"SCADA connects to {self._state.opcua_url}")
        self._say("Ctrl-C ends everything")

    async def _stop(self) -> None:
        began = time.monotonic()
        self._say("stopping")
        for service in self._services.values():
            service.ask_to_stop()
        if self._lives and (await asyncio.wait(self._lives, timeout=_STOP_LIMIT))[1]:
            self._say("some did not finish in time")
            for service in self._services.values():
                service.kill()
            await asyncio.wait(self._lives, timeout=2)
        for watch in self._watches:
            watch.cancel()
        await asyncio.to_thread(self._embedded.stop)
        forget(self._data)
        self._say(f"stopped in {time.monotonic() - began:.1f} s")

    def _say(self, line: str) -> None:
        self._voices.say("andon", line)
