"""The API key of a language model, sealed before it is kept."""

import asyncio
from dataclasses import dataclass

from pydantic import SecretStr

from andon.contracts import Unavailable
from andon.security import Sealer, is_sealed

_ABOUT = "query.api_key"


@dataclass(frozen=True)
class KeyBox:
    """Seals with the operator's secret; without one, keys are kept as they are."""

    secret: SecretStr

    async def sealed(self, key: str) -> str:
        """What may be written to the database."""
        if not key or not self.secret.get_secret_value():
            return key
        return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).seal, key, _ABOUT)

    async def opened(self, kept: str) -> str:
        """Raises Unavailable when it was sealed with another secret."""
        if not is_sealed(kept):
            return kept
        try:
            return await asyncio.to_thread(Sealer(self.secret.get_secret_value()).open, kept, _ABOUT)
        except ValueError as error:
            raise Unavailable("query.api_key was sealed with another secret: set it again") from error
