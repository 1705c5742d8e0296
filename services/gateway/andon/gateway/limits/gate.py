"""Stands in front of the routes and turns away who comes too often.

Free of limits is what carries no principal and is asked for by machines or in bursts: health (probes),
metrics (scrapes; they need a token, but an incident is no time to be blind), the page with its files and
documentation, and the images that signed addresses show (a wall loads dozens at once, and a factory shares
one address).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from ipaddress import ip_address
from typing import Any

from starlette.requests import HTTPConnection

from andon.contracts import RateLimited, Unauthorised, Unavailable
from andon.gateway.domain import PAGES
from andon.gateway.forms import rendered
from andon.gateway.limits.limits import Limits
from andon.gateway.principal import Door, bearer_of

ASGI = Callable[[Any, Any, Any], Awaitable[None]]

LOGIN = ("POST", "/api/v1/auth/login")
_FREE = frozenset(
    {"/", "/docs", "/redoc", "/openapi.json", "/favicon.ico", "/health", "/api/v1/health", "/metrics"}
)
_FREE_BELOW = ("/page/", "/docs-files/", "/static/images/")
_NEIGHBOURS = 64
"""Bits of an IPv6 address that one client can't choose: it has a whole network below them."""


def is_free(path: str) -> bool:
    """Whether requests of this path are not counted."""
    return path in _FREE or path.startswith(_FREE_BELOW) or path.split("/", 2)[1] in PAGES


class Gate:
    """An ASGI application around the application."""

    def __init__(self, app: ASGI, limits: Limits, door: Door) -> None:
        self._app = app
        self._limits = limits
        self._door = door

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] in ("http", "websocket"):
            self._see_behind_proxies(scope)
            wait = await self._wait_of(scope)
            if wait:
                return await _turned_away(wait, scope, receive, send)
        return await self._app(scope, receive, send)

    async def _wait_of(self, scope: Any) -> int:
        if is_free(scope["path"]):
            return 0
        if (scope.get("method"), scope["path"]) == LOGIN:
            return await self._limits.wait_of(
                f"login {_network(scope)}", self._limits.settings.login_per_minute
            )
        client, limit = await self._client_of(HTTPConnection(scope))
        return await self._limits.wait_of(client, limit)

    async def _client_of(self, connection: HTTPConnection) -> tuple[str, int]:
        usual = self._limits.settings.others_per_minute
        token = bearer_of(connection) or connection.query_params.get("token", "")
        try:
            principal = await self._door.admit(token)
        except (Unauthorised, Unavailable):
            return f"address {_network(connection.scope)}", usual
        return f"principal {principal.id}", principal.rate_per_minute or usual

    def _see_behind_proxies(self, scope: MutableMapping[str, Any]) -> None:
        # From the right: what stands left of the last untrusted address was written by whoever sits there.
        seen = scope["client"] and scope["client"][0]
        if not self._trusts(seen):
            return
        told = ",".join(HTTPConnection(scope).headers.getlist("x-forwarded-for"))
        for hop in reversed([hop.strip() for hop in told.split(",") if hop.strip()]):
            if not _is_address(hop):
                break
            seen = hop
            if not self._trusts(hop):
                break
        scope["client"] = (seen, 0)

    def _trusts(self, host: str | None) -> bool:
        if not host or not _is_address(host):
            return False
        return any(ip_address(host) in network for network in self._limits.settings.trusted_proxies)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _network(scope: Any) -> str:
    """Whom an address stands for."""
    host = scope["client"][0] if scope["client"] else ""
    if not _is_address(host):
        return host or "unknown"
    address = ip_address(host)
    if address.version == 4:  # noqa: PLR2004 - the protocol's own number
        return host
    mapped = address.ipv4_mapped
    return str(mapped) if mapped else f"{address.exploded[: _NEIGHBOURS // 4 + 3]}::/{_NEIGHBOURS}"


async def _turned_away(wait: int, scope: Any, receive: Any, send: Any) -> None:
    seconds = "second" if wait == 1 else "seconds"
    problem = RateLimited(f"Too many requests: come again in {wait} {seconds}.", retry_after=wait).problem
    answer = rendered(scope["path"], problem)
    if scope["type"] == "websocket":
        return await _handshake_refused(answer.raw_headers, bytes(answer.body), receive, send)
    return await answer(scope, receive, send)


async def _handshake_refused(
    headers: list[tuple[bytes, bytes]], body: bytes, receive: Any, send: Any
) -> None:
    await receive()
    await send({"type": "websocket.http.response.start", "status": 429, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
