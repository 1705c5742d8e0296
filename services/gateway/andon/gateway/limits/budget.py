"""What one client may still send within a minute, as far as one gateway knows."""

from dataclasses import dataclass

_OF_LIMIT = 20
"""The largest lease is this part of the limit: 10 requests of 200, and one at a time of the logins' 10."""
_OF_LEFT = 10
"""And this part of what is left, so that little is lost with a gateway that the client turns away from."""


@dataclass
class Budget:
    """Requests are leased from the shared count in blocks, so that most cost no round trip.

    Leases add up to the limit at most, whoever holds them; one that is not used up is lost with its minute.
    """

    limit: int
    window: int
    """The minute, counted from 1970."""
    leased: int = 0
    """Granted and not used yet."""
    spent: int = 0
    """Let through by this gateway."""
    taken: int = 0
    """By all gateways together, as last heard."""

    def spend(self) -> bool:
        """Use one request of the lease; False when there is none."""
        if self.leased == 0:
            return False
        self.leased -= 1
        self.spent += 1
        return True

    def spend_alone(self) -> bool:
        """Use one request while the shared count is away: the limit is this gateway's own then."""
        if self.spent >= self.limit:
            return False
        self.spent += 1
        return True

    @property
    def over(self) -> bool:
        """Whether all gateways together let through what may be let through."""
        return self.leased == 0 and self.taken >= self.limit

    def block(self) -> int:
        """How many to lease next: as many as were needed here so far, and one at a time towards the end."""
        left = self.limit - self.taken
        return max(1, min(self.spent, self.limit // _OF_LIMIT, left // _OF_LEFT))

    def lease(self, asked: int, taken: int) -> None:
        """Take over what was granted: `asked`, less what lies beyond the limit now that `taken` are taken."""
        self.leased += max(0, asked - max(0, taken - self.limit))
        self.taken = taken
