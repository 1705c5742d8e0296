"""A signed POST, to an address that was looked at before the connection is made."""

import binascii
import hashlib
import hmac
import json
import secrets
import ssl
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

import httpcore

from andon.alerting.adapters.addresses import Guard, Undelivered
from andon.alerting.domain.notices import Digest
from andon.contracts.alerting import WebhookTarget

_PREFIX = "whsec_"
_SHORTEST = 16
_REDIRECTS = range(300, 400)
_GOOD = range(200, 300)


def new_secret() -> str:
    return _PREFIX + b64encode(secrets.token_bytes(32)).decode()


def wrong_secret(secret: str) -> str | None:
    """Why it is no good."""
    try:
        key = _key(secret)
    except (binascii.Error, ValueError):
        return f"after {_PREFIX} comes base64"
    return None if len(key) >= _SHORTEST else f"has {_SHORTEST} characters at least"


def signature(secret: str, message_id: str, seconds: int, body: bytes) -> str:
    """As https://www.standardwebhooks.com says: v1 and the base64 of an HMAC-SHA256."""
    signed = f"{message_id}.{seconds}.".encode() + body
    return "v1," + b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest()).decode()


async def post(
    guard: Guard, trust: ssl.SSLContext, target: WebhookTarget, secret: str, digest: Digest
) -> None:
    """Raises Undelivered. Redirects are not followed: they would lead past what was looked at."""
    body = json.dumps(digest.values(), ensure_ascii=False, allow_nan=False).encode()
    seconds = int(digest.at.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "Andon",
        "webhook-id": digest.id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, digest.id, seconds, body),
    }
    try:
        async with (
            httpcore.AsyncConnectionPool(ssl_context=trust, network_backend=_Guarded(guard)) as pool,
            pool.stream("POST", target.url, headers=list(headers.items()), content=body) as answer,
        ):
            status = answer.status
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as error:
        raise Undelivered(f"{type(error).__name__}: {error or 'the connection broke'}") from error
    except ValueError as error:
        raise Undelivered(f"{target.url} is no address that can be connected to") from error
    if status in _REDIRECTS:
        raise Undelivered(f"it answered {status}: redirects are not followed, set the address itself")
    if status not in _GOOD:
        raise Undelivered(f"it answered {status}")


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        return b64decode(secret.removeprefix(_PREFIX), validate=True)
    return secret.encode()


class _Guarded(httpcore.AsyncNetworkBackend):
    """Connects to the address that was vetted; TLS and the Host header still go by the name."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._inner: Any = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = await self._guard.vetted(host.strip("[]"), port)
        return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)

    async def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.AsyncNetworkStream:
        raise Undelivered("a webhook is at a host")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)
