"""How long somebody who guesses passwords has to wait.

Wrong passwords are counted for an account from one address, and for an address over all accounts. Nothing is
ever locked for an account everywhere: who guesses an admin's password keeps only their own address out.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from andon.contracts import Message, Time


@dataclass(frozen=True)
class Limit:
    """How many wrong passwords are free, and how they are forgotten."""

    free: int
    """So many before the first wait; each one more doubles it."""
    recovery: float
    """Seconds in which one is forgotten."""
    longest: float
    """Seconds of waiting at most."""


PAIR = Limit(free=5, recovery=300, longest=300)
"""One account from one address: in the long run a guess every five minutes."""
ADDRESS = Limit(free=20, recovery=60, longest=60)
"""All accounts from one address: a plant behind one address mistypes, and a guesser tries many names."""
ACCOUNT = Limit(free=50, recovery=60, longest=0)
"""One account from everywhere. It locks nothing; above it each address has one free try instead of five."""
_UNDER_ATTACK = 1


class Guesses(Message):
    """Wrong passwords of late."""

    id: str
    count: float = 0.0
    """As of `at`; it falls from then on."""
    at: Time
    until: Time
    """No try is looked at before."""

    def now(self, now: datetime, limit: Limit) -> float:
        """How many are not forgotten yet."""
        return max(0.0, self.count - (now - self.at).total_seconds() / limit.recovery)


def one_more(before: Guesses | None, key: str, now: datetime, limit: Limit, free: int) -> Guesses:
    """The count after one more wrong password."""
    count = 1.0 + (before.now(now, limit) if before else 0.0)
    beyond = round(count) - free  # rounded: a moment after the others, a fifth one counts a little below five
    wait = min(2.0**beyond, limit.longest) if beyond >= 0 else 0.0
    return Guesses(id=key, count=count, at=now, until=now + timedelta(seconds=wait))


def free_tries(account: Guesses | None, now: datetime) -> int:
    """How many an address has for an account."""
    attacked = account is not None and round(account.now(now, ACCOUNT)) >= ACCOUNT.free
    return _UNDER_ATTACK if attacked else PAIR.free


def wait_of(counts: list[Guesses], now: datetime) -> float:
    """Seconds until the next try is looked at."""
    return max((max(0.0, (each.until - now).total_seconds()) for each in counts), default=0.0)


def network_of(address: str) -> str:
    """What one guesser has: an IPv4 address, or the 64 bits of IPv6 that a household is given."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
    return str(found)


def key_of(*parts: str) -> str:
    """A digest: what was typed as a name may be a password."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
