"""The secrets of channels, sealed before they are kept."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from andon.alerting.adapters.addresses import Undelivered
from andon.security import Sealer, is_sealed


@dataclass(frozen=True)
class Safe:
    """Seals with the operator's secret; without one, secrets are kept as they are."""

    secret: SecretStr

    @property
    def seals(self) -> bool:
        return bool(self.secret.get_secret_value())

    async def sealed(self, text: str, channel: str) -> str:
        """What may be written to the database."""
        if not self.seals:
            return text
        return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).seal, text, _about(channel))

    async def opened(self, kept: str | None, channel: str) -> str | None:
        """Raises Undelivered when it was sealed with another secret."""
        if kept is None or not is_sealed(kept):
            return kept
        try:
            return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).open, kept, _about(channel))
        except ValueError as error:
            raise Undelivered("its secret was sealed with another one: set it again") from error


def _about(channel: str) -> str:
    return f"alerting.channel.{channel}"
