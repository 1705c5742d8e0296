"""The secrets of channels, sealed before they are kept."""

from dataclasses import dataclass

from pydantic import SecretStr

from andon import security
from andon.alerting.adapters.addresses import Undelivered


@dataclass(frozen=True)
class Safe:
    """Seals with the operator's secret; without one, secrets are kept as they are."""

    secret: SecretStr

    @property
    def seals(self) -> bool:
        return security.Safe(self.secret).seals

    async def sealed(self, text: str, channel: str) -> str:
        """What may be written to the database."""
        return await security.Safe(self.secret).sealed(text, _about(channel))

    async def opened(self, kept: str | None, channel: str) -> str | None:
        """Raises Undelivered when it was sealed with another secret."""
        if kept is None:
            return None
        try:
            return await security.Safe(self.secret).opened(kept, _about(channel))
        except ValueError as error:
            raise Undelivered("its secret was sealed with another one: set it again") from error


def _about(channel: str) -> str:
    return f"alerting.channel.{channel}"
