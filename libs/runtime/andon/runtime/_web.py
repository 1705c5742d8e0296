"""An ASGI application on a port, in the event loop that is already running."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield  # signals are the runtime's: several servers share this process


@asynccontextmanager
async def listening(
    app: Any, host: str, port: int, *, drain: float = 1.0, lifespan: bool = False
) -> AsyncGenerator[int]:
    """Serve until the block is left; gives the port. Raises OSError when the port is taken."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the application itself knows which proxies to believe
        ws="websockets-sansio" if lifespan else "none",
        ws_per_message_deflate=False,  # it would deflate one message anew for each of hundreds of clients
        lifespan="auto" if lifespan else "off",
        timeout_graceful_shutdown=max(1, round(drain)),
    )
    with _bound(host, port) as bound:
        server = _Server(config)
        task = asyncio.create_task(server.serve(sockets=[bound]))
        while not server.started:
            if task.done():
                await task
                raise RuntimeError("the web application refused to start")
            await asyncio.sleep(0.005)
        try:
            yield bound.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@contextmanager
def _bound(host: str, port: int) -> Generator[socket.socket]:
    # uvicorn ends the process when a port is taken; binding here raises OSError instead.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.set_inheritable(True)
        yield bound
