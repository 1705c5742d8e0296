"""Around every request: its trace, its measure, headers that browsers obey, and a limit on its body."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from andon.telemetry import extract, metrics, trace, trace_id

ASGI = Callable[[Any, Any, Any], Awaitable[None]]
Message = MutableMapping[str, Any]

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{styles}; img-src 'self' data:{images}; "
    "connect-src 'self'; font-src 'self'{more}; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_STRICT = _POLICY.format(styles="", images="", more="")
_DOCS = _POLICY.format(styles=" 'unsafe-inline'", images="", more=" data:; worker-src blob:")
"""Swagger UI and ReDoc write style attributes; scripts stay ours alone."""
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


def dashboard_policy(nonce: str) -> str:
    """For the dashboard: style elements that carry the nonce, and images that it read with its token."""
    return _POLICY.format(styles=f" 'nonce-{nonce}'", images=" blob:", more="")


@dataclass(frozen=True)
class Envelope:
    """An ASGI application around the application, so that even its failures carry these headers."""

    app: ASGI
    body_bytes: int = 1 << 20
    """Largest body of a request."""
    body_bytes_at: Mapping[str, int] = field(default_factory=dict[str, int])
    """The same, by path, where more is needed."""
    body_bytes_below: Mapping[str, int] = field(default_factory=dict[str, int])
    """The same, by the beginning of a path; the longest that fits counts."""
    body_seconds: float = 60.0
    """How long a client may take to send one."""
    body_seconds_at: Mapping[str, float] = field(default_factory=dict[str, float])
    """The same, by path."""

    prefixes: Sequence[str] = ()
    """Of routers, for the metrics."""
    on_answered: Callable[[Any, str, str], None] | None = None
    """Told the scope, the route and the status of each answered request."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        method, path = scope["method"], scope["path"]
        began = time.perf_counter()
        answered = _Answer(send, path)
        with trace(f"{method} {path}", parent=extract(Headers(scope=scope))):
            answered.trace_id = trace_id()
            try:
                await self.app(scope, self._limited(scope, receive), answered.send)
            finally:
                route = self._route_of(scope)
                labels = (method if method in _METHODS else "other", route, answered.status)
                metrics.HTTP_SECONDS.labels(*labels).observe(time.perf_counter() - began)
                if self.on_answered:
                    self.on_answered(scope, route, answered.status)
        return None

    def _route_of(self, scope: Any) -> str:
        # A route knows its path inside its router alone; the raw path would be a label without bounds.
        template = getattr(scope.get("route"), "path", None) or "none"
        for prefix in self.prefixes:
            if scope["path"].startswith(f"{prefix}/") and not template.startswith(prefix):
                return f"{prefix}{template}"
        return template

    def _body_bytes_of(self, path: str) -> int:
        if (most := self.body_bytes_at.get(path)) is not None:
            return most
        fitting = [start for start in self.body_bytes_below if path.startswith(start)]
        return self.body_bytes_below[max(fitting, key=len)] if fitting else self.body_bytes

    def _limited(self, scope: Any, receive: Any) -> Any:
        most = self._body_bytes_of(scope["path"])
        announced = Headers(scope=scope).get("content-length", "")
        seen = int(announced) if announced.isdecimal() and int(announced) > most else 0

        seconds = self.body_seconds_at.get(scope["path"], self.body_seconds)
        until: float | None = asyncio.get_running_loop().time() + seconds

        async def counted() -> Message:
            nonlocal seen, until
            try:
                async with asyncio.timeout_at(until):
                    message: Message = await receive()
            except TimeoutError:
                raise HTTPException(
                    400, f"The request's body took longer than {seconds:g} seconds."
                ) from None
            if not message.get("more_body"):
                until = None  # from here on, receiving waits for the client to leave
            seen += len(message.get("body", b""))
            if seen > most:
                # Starlette's own error, since FastAPI turns any other into a 400 while it reads a body.
                raise HTTPException(413, f"The request's body is larger than {most / 2**20:g} MB.")
            return message

        return counted


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass
class _Answer:
    """Sees the response go out and completes its headers."""

    to: Any
    path: str
    trace_id: str = ""
    status: str = "none"

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = str(message["status"])
            headers = MutableHeaders(scope=message)
            headers["X-Trace-Id"] = self.trace_id
            headers.setdefault(
                "Content-Security-Policy", _DOCS if self.path in ("/docs", "/redoc") else _STRICT
            )
            for name, value in _HEADERS.items():
                headers[name] = value
            if "cache-control" not in headers:
                headers["Cache-Control"] = "no-store"
        await self.to(message)
