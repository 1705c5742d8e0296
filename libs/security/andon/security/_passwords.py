"""Password hashing with Argon2id."""

from typing import Annotated

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import BaseModel, ConfigDict, Field


class PasswordCost(BaseModel):
    """How dear one guess is; 19 MiB, two passes and one lane are OWASP's floor for Argon2id."""

    model_config = ConfigDict(frozen=True)

    passes: Annotated[int, Field(ge=1)] = 2
    memory_kib: Annotated[int, Field(ge=8)] = 19456
    lanes: Annotated[int, Field(ge=1)] = 1


def hash_password(password: str, cost: PasswordCost = PasswordCost()) -> str:  # noqa: B008 - frozen
    """The hash with its salt and cost, in PHC form. Takes tens of ms: keep it off the event loop."""
    return _hasher(cost).hash(password)


def verify_password(password: str, hashed: str) -> bool:
    """Whether they belong together. Takes tens of ms: keep it off the event loop."""
    try:
        return _hasher(PasswordCost()).verify(hashed, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(hashed: str, cost: PasswordCost) -> bool:
    """Whether a hash was made at another cost, so that a good login should renew it."""
    return _hasher(cost).check_needs_rehash(hashed)


def _hasher(cost: PasswordCost) -> PasswordHasher:
    return PasswordHasher(time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes)
