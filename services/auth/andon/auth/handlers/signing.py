"""Signs access tokens."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from andon.auth.domain.signing import SigningKey, needs_new_key, retired
from andon.auth.store.signing import SigningKeyStore
from andon.contracts import Invalid, Unavailable, auth
from andon.security import Sealer, Signer, is_sealed, new_private_key
from andon.telemetry import log

_log = log("andon.auth")


@dataclass(eq=False)
class KeyRing:
    """Signs with the newest key; makes a new one when that has served its time."""

    store: SigningKeyStore
    lifetime: float
    """Seconds an access token is good for."""
    age: timedelta
    """How long a key signs."""
    sealer: Sealer | None = None
    """What private keys are stored under; None stores them readable."""
    _signers: dict[str, Signer] = field(default_factory=dict[str, Signer])
    _signer: Signer | None = field(default=None)

    async def renew(self, now: datetime) -> None:
        """Read the keys, add a due one, drop those that nothing good is signed with.

        Raises Invalid when a stored key can't be opened.
        """
        keys = await self.store.all()
        if needs_new_key(keys, now, self.age):
            await self._add(now)
            keys = await self.store.all()
        for key in keys:
            await self._sealed(key)
        self._signer = await self._opened(keys[-1])
        # Replicas take over a new key within minutes; a day is ample for them and their last tokens.
        for key in retired(keys, now, timedelta(days=1, seconds=self.lifetime)):
            await self.store.remove(key)

    def sign(self, user: auth.User, session_id: str) -> str:
        """An access token. Raises Unavailable before the first `renew`."""
        if self._signer is None:
            raise Unavailable("the signing key is not read yet")
        return self._signer.sign(user, session_id)

    async def public(self) -> tuple[dict[str, Any], ...]:
        """All public halves as JWKs, those of other replicas too."""
        return tuple([(await self._opened(key)).public for key in await self.store.all()])

    async def _add(self, now: datetime) -> None:
        text = new_private_key()
        kid = Signer(text).kid
        stored = await asyncio.to_thread(self.sealer.seal, text, kid) if self.sealer else text
        await self.store.add(SigningKey(id=kid, private_key=stored, created_at=now))

    async def _sealed(self, key: SigningKey) -> None:
        """Seal a key that was stored before there was a secret."""
        if self.sealer and not is_sealed(key.private_key):
            await self.store.replace(key, await asyncio.to_thread(self.sealer.seal, key.private_key, key.id))
            _log.info("sealed a signing key", kid=key.id)

    async def _opened(self, key: SigningKey) -> Signer:
        if key.id not in self._signers:
            self._signers[key.id] = Signer(await self._plain(key), lifetime=self.lifetime)
        return self._signers[key.id]

    async def _plain(self, key: SigningKey) -> str:
        if not is_sealed(key.private_key):
            return key.private_key
        if self.sealer is None:
            raise Invalid(f"signing key {key.id} is sealed: ANDON_SIGNING__SECRET is not set")
        try:
            return await asyncio.to_thread(self.sealer.open, key.private_key, key.id)
        except ValueError as error:
            raise Invalid(f"signing key {key.id}: {error}; is ANDON_SIGNING__SECRET another?") from error
