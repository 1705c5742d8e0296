"""Chat and paging services, spoken to by Apprise."""

import asyncio
from typing import Any
from urllib.parse import urlsplit

from andon.alerting.adapters.addresses import Guard, Undelivered
from andon.alerting.domain.notices import Digest

AT_HOME = frozenset(
    {"slack", "discord", "tgram", "pover", "pagerduty", "opsgenie", "gchat", "msteams", "twilio", "wxteams"}
)
"""Services at addresses of their own: their URL names no host."""
HOSTED = frozenset({
    "ntfy", "ntfys", "gotify", "gotifys", "mmost", "mmosts", "rocket", "rockets", "matrix", "matrixs",
    "json", "jsons", "signal", "signals", "workflow", "workflows",
})  # fmt: skip
"""Services that somebody runs: their URL names the host, which is looked at before."""
_TAKEN = ", ".join(sorted(AT_HOME | HOSTED))


def wrong_url(url: str) -> str | None:
    """Why it is no good; never with the URL itself, which is a secret."""
    try:
        scheme = urlsplit(url).scheme.lower()
    except ValueError:
        return "it is no address"
    if scheme not in AT_HOME | HOSTED:
        return f"{scheme or 'it'}:// is not taken; e-mail and MQTT have their own channels, here are {_TAKEN}"
    return None if _instance(url) is not None else "Apprise can't make sense of it"


async def load() -> None:
    """Apprise takes seconds to load its plugins, once: no service is to blame for them."""
    await asyncio.to_thread(_instance, "json://localhost")


async def notify(guard: Guard, url: str, digest: Digest, timeout: float) -> None:  # noqa: ASYNC109
    """Raises Undelivered. Apprise says no more than that it failed."""
    if reason := await asyncio.to_thread(wrong_url, url):
        raise Undelivered(reason)
    parts = urlsplit(url)
    if parts.scheme.lower() in HOSTED:
        await guard.vetted(parts.hostname or "", parts.port or 443)
    service = await asyncio.to_thread(_instance, url)
    service.redirects = False
    service.socket_connect_timeout = service.socket_read_timeout = timeout
    arrived = await asyncio.to_thread(service.notify, body=digest.text, title=digest.subject)
    if not arrived:
        raise Undelivered(f"{parts.scheme} did not take it")


def _instance(url: str) -> Any:
    # It loads a hundred plugins: only who has such a channel waits for them.
    from apprise import Apprise  # noqa: PLC0415

    return Apprise.instantiate(url, suppress_exceptions=True)
