"""Tells whether a service lives, is ready, and what it counted."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from andon.contracts import Unavailable

if TYPE_CHECKING:
    from andon.runtime._serving import Running
    from andon.runtime.application import Check


class Health:
    """Asks a running service's dependencies how they are."""

    def __init__(self, running: "Running", timeout: float) -> None:
        self._running = running
        self._timeout = timeout

    async def look(self) -> dict[str, Any]:
        """{"service", "ready", "checks": {name: {"ok", "ms", "reason"?}}}."""
        checks = {"bus": self._running.application.bus.ping, **self._running.application.checks}
        looks = await asyncio.gather(*(self._ping(check) for check in checks.values()))
        found = dict(zip(checks, looks, strict=True))
        return {
            "service": self._running.name,
            "ready": self._running.ready and all(each["ok"] for each in looks),
            "checks": found,
        }

    async def _ping(self, check: "Check") -> dict[str, Any]:
        began = time.perf_counter()
        try:
            await asyncio.wait_for(check(), self._timeout)
        except TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
        except Unavailable as away:
            reason = str(away)
        except Exception as error:  # noqa: BLE001 - whatever a check fails with
            reason = f"{type(error).__name__}: {error}"
        else:
            return {"ok": True, "ms": round((time.perf_counter() - began) * 1000, 1)}
        return {"ok": False, "ms": round((time.perf_counter() - began) * 1000, 1), "reason": reason}


Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]


def health_app(health: Health) -> Callable[[Scope, Any, Send], Awaitable[None]]:
    """GET /live, /ready and /metrics, without a framework, since each service pays for it."""

    async def answer(scope: Scope, _receive: Any, send: Send) -> None:
        path = scope["path"]
        if path == "/metrics":
            await _respond(send, 200, generate_latest(), CONTENT_TYPE_LATEST)
        elif path == "/live":
            await _respond_json(send, 200, {"live": True})
        elif path == "/ready":
            found = await health.look()
            await _respond_json(send, 200 if found["ready"] else 503, found)
        else:
            await _respond_json(
                send, 404, {"code": "not_found", "message": "there is /live, /ready and /metrics"}
            )

    return answer


async def _respond_json(send: Send, status: int, content: Any) -> None:
    await _respond(send, status, json.dumps(content).encode(), "application/json")


async def _respond(send: Send, status: int, body: bytes, media_type: str) -> None:
    headers = [(b"content-type", media_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
