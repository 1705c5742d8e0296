"""What the operator may set about rate limits."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated

from pydantic import BaseModel, Field

PerMinute = Annotated[int, Field(ge=1, le=10_000_000)]


class LimitSettings(BaseModel):
    login_per_minute: PerMinute = 10
    """Attempts to sign in from one address."""
    others_per_minute: PerMinute = 200
    """Everything else, per user or key; per address for whoever has not signed in.

    A camera that posts 30 parts a second sends 1,800 requests a minute: give its key a limit of its own, or
    raise this one."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose X-Forwarded-For is believed; by default nobody's, since anyone can write one."""
    patience: Annotated[float, Field(gt=0)] = 1.0
    """Seconds a request waits for the count that all gateways share; after that this one counts alone."""
