"""The API key of a language model, sealed before it is kept."""

from dataclasses import dataclass

from pydantic import SecretStr

from andon.contracts import Unavailable
from andon.security import Safe

_ABOUT = "query.api_key"


@dataclass(frozen=True)
class KeyBox:
    """Seals with the operator's secret; without one, keys are kept as they are."""

    secret: SecretStr

    async def sealed(self, key: str) -> str:
        """What may be written to the database."""
        return await Safe(self.secret).sealed(key, _ABOUT)

    async def opened(self, kept: str) -> str:
        """Raises Unavailable when it was sealed with another secret."""
        try:
            return await Safe(self.secret).opened(kept, _ABOUT)
        except ValueError as error:
            raise Unavailable("query.api_key was sealed with another secret: set it again") from error
