"""Makes, lists and revokes machines' keys, and tells what one may do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from andon.auth.domain.accounts import Account
from andon.auth.domain.keys import MOST_KEYS, StoredKey, resolved
from andon.auth.handlers.audit import Witness, utc_now
from andon.auth.store.accounts import AccountStore
from andon.auth.store.keys import MachineKeyStore
from andon.contracts import BadRequest, Forbidden, NotFound, auth
from andon.contracts.auth import KeyKind, Kind
from andon.messaging import Delivery, Service
from andon.security import digest_of, new_access_key, new_key, new_secret_key, permissions_of

CREATE, REVOKE = "auth.key.create", "auth.key.revoke"


@dataclass(frozen=True)
class KeyDesk:
    """Machines' keys."""

    keys: MachineKeyStore
    accounts: AccountStore
    bus: Service
    witness: Witness
    clock: Callable[[], datetime] = utc_now

    async def create(self, message: auth.CreateKey, _delivery: Delivery) -> auth.CreatedKey:
        """Raises Forbidden for scopes its maker lacks and for keys that make keys, BadRequest."""
        owner = await self._maker(message)
        now = self.clock()
        if message.expires_at is not None and message.expires_at <= now:
            raise BadRequest("expires_at: it lies in the past", {"expires_at": "it lies in the past"})
        if sum(key.good(now) for key in await self.keys.of(owner.id)) >= MOST_KEYS:
            raise BadRequest(f"A user has at most {MOST_KEYS} good keys: revoke one.")
        pair = message.kind is KeyKind.PAIR
        secret = new_secret_key() if pair else new_key()
        key = StoredKey(
            id=str(uuid4()), name=message.name, kind=message.kind,
            scopes=tuple(dict.fromkeys(message.scopes)),
            owner_id=owner.id, access_key=new_access_key() if pair else None, digest=digest_of(secret),
            rate_per_minute=message.rate_per_minute, created_at=now, expires_at=message.expires_at,
        )  # fmt: skip
        await self.keys.add(key)
        details = {"name": key.name, "scopes": "+".join(key.scopes)}
        await self.witness.tell(message.by, CREATE, target=key.id, details=details)
        return auth.CreatedKey(info=key.info, secret=secret)

    async def list(self, message: auth.ListKeys, _delivery: Delivery) -> auth.MachineKeys:
        return auth.MachineKeys(keys=tuple(key.info for key in await self.keys.of(message.owner_id)))

    async def revoke(self, message: auth.RevokeKey, _delivery: Delivery) -> auth.MachineKey:
        """Raises NotFound. One that was revoked stays as it is, and everybody is told again."""
        key = await self.keys.get(message.id)
        if key is None or message.owner_id not in (None, key.owner_id):
            raise NotFound("there is no such key", {"id": "unknown"})
        if await self._revoke(key):
            await self.witness.tell(message.by, REVOKE, target=key.id, details={"name": key.name})
        return (await self.keys.get(key.id) or key).info

    async def resolve(self, message: auth.ResolveKey, _delivery: Delivery) -> auth.ResolvedKey:
        """Raises Unauthorised."""
        now = self.clock()
        key = await self.keys.with_digest(message.digest)
        owner = await self.accounts.get(key.owner_id) if key else None
        found = resolved(key, message, owner, now)
        if key is not None and key.use_is_news(now):
            await self.keys.used(key, now)
        return found

    async def revoke_of(self, owner_id: str) -> None:
        """Revoke all keys of a user."""
        for key in await self.keys.of(owner_id):
            await self._revoke(key)

    async def owner_changed(self, owner_id: str) -> None:
        """Have verifiers forget what they remember of a user's keys."""
        now = self.clock()
        for key in await self.keys.of(owner_id):
            if key.good(now):
                await self._tell(key, revoked=False)

    async def _maker(self, message: auth.CreateKey) -> Account:
        owner = await self.accounts.get(message.by.id) if message.by.kind is Kind.USER else None
        if owner is None or not owner.active:
            raise Forbidden("Keys are made by people who are signed in.")
        lacking = [scope for scope in message.scopes if scope not in permissions_of(owner.roles)]
        if lacking:
            raise Forbidden(
                f"scopes: you do not have {', '.join(lacking)} yourself", {"scopes": "more than you have"}
            )
        return owner

    async def _revoke(self, key: StoredKey) -> bool:
        revoked = await self.keys.revoke(key.id, self.clock())
        await self._tell(key, revoked=True)
        return revoked

    async def _tell(self, key: StoredKey, *, revoked: bool) -> None:
        said = auth.KeyChanged(key_id=key.id, revoked=revoked, at=self.clock())
        await self.bus.say(auth.KEY_CHANGED, said)
