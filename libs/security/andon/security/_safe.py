"""Secrets that a service keeps in its database, under a secret of the operator's."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from andon.security._sealing import Sealer, is_sealed


@dataclass(frozen=True)
class Safe:
    """Seals what is written; without a secret of the operator's, everything is kept as it is."""

    secret: SecretStr

    @property
    def seals(self) -> bool:
        return bool(self.secret.get_secret_value())

    async def sealed(self, text: str, about: str) -> str:
        """What may be written to the database; nothing stays nothing."""
        if not text or not self.seals:
            return text
        return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).seal, text, about)

    async def opened(self, kept: str, about: str) -> str:
        """Raises ValueError when it was sealed with another secret, or about something else."""
        if not is_sealed(kept):
            return kept
        return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).open, kept, about)
