"""Puts the auth service together."""

import asyncio
import secrets
import sys
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Self
from uuid import uuid4

from pydantic import BaseModel, Field, SecretStr, model_validator

from andon.auth.adapters import Passwords
from andon.auth.domain.accounts import ADMIN, DEMO_PASSWORD, LEAST_PASSWORD, account
from andon.auth.handlers.audit import AuditDesk, Witness, utc_now
from andon.auth.handlers.guard import Guard
from andon.auth.handlers.keys import KeyDesk
from andon.auth.handlers.people import AccountDesk
from andon.auth.handlers.sessions import SessionDesk
from andon.auth.handlers.signing import KeyRing
from andon.auth.handlers.users import UserDesk
from andon.auth.store.accounts import AccountStore
from andon.auth.store.chain import ChainStore
from andon.auth.store.guesses import GuessStore
from andon.auth.store.keys import MachineKeyStore
from andon.auth.store.sessions import SessionStore
from andon.auth.store.signing import SigningKeyStore
from andon.contracts import Conflict, Invalid, Unavailable, audit, auth
from andon.messaging import Service
from andon.runtime import Application, HttpSettings, ServiceDefinition, Settings
from andon.security import PasswordCost, Sealer
from andon.storage import Database, Mongo, MongoSettings
from andon.telemetry import log

_log = log("andon.auth")

_TIDY_SECONDS = 300


class SessionSettings(BaseModel):
    access_seconds: Annotated[int, Field(ge=1, le=86400)] = 1800
    """How long an access token is good."""
    refresh_seconds: Annotated[int, Field(ge=1)] = 7 * 86400
    """How long a session lasts after it was last refreshed."""
    key_days: Annotated[float, Field(gt=0)] = 90
    """How long a signing key is used before the next one takes over."""


class SigningSettings(BaseModel):
    secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    """What private signing keys are encrypted under in the database; without it they are stored readable."""


class AccountSettings(BaseModel):
    least_password: Annotated[int, Field(ge=LEAST_PASSWORD, le=128)] = LEAST_PASSWORD
    """Characters that a new password has at least."""


class AuthSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    passwords: PasswordCost = PasswordCost()
    """What a guess costs."""
    sessions: SessionSettings = SessionSettings()
    signing: SigningSettings = SigningSettings()
    accounts: AccountSettings = AccountSettings()
    http: HttpSettings = HttpSettings()
    """The gateway's block, read to keep the demo's password off the network."""
    public_host: str = "127.0.0.1"
    """Where people reach the gateway, if something stands in front of it."""

    @model_validator(mode="after")
    def _demo_stays_at_home(self) -> Self:
        if self.demo and not (_is_loopback(self.http.host) and _is_loopback(self.public_host)):
            raise ValueError("the demo signs in with admin/admin: the gateway must listen on loopback only")
        return self


def build(settings: AuthSettings) -> Application:
    bus = Service("auth", settings.bus)
    mongo = Mongo(settings.mongo)
    desks = _desks(bus, mongo.database("auth"), settings)
    _wire(bus, desks)

    async def tidy() -> None:
        while True:
            await _tidy_once(desks)
            await asyncio.sleep(_TIDY_SECONDS)

    return Application(
        bus=bus,
        checks={"mongo": mongo.ping},
        resources=(mongo, _Prepared(desks, settings.demo)),
        background=(tidy,),
    )


@dataclass(frozen=True)
class _Desks:
    people: AccountDesk
    sessions: SessionDesk
    users: UserDesk
    keys: KeyDesk
    audit: AuditDesk


def _desks(bus: Service, database: Database, settings: AuthSettings) -> _Desks:
    secret, sessions = settings.signing.secret, settings.sessions
    accounts, witness = AccountStore(database), Witness(bus)
    people = AccountDesk(accounts, Passwords(settings.passwords), Guard(GuessStore(database)), witness)
    ring = KeyRing(
        SigningKeyStore(database), sessions.access_seconds, timedelta(days=sessions.key_days),
        Sealer(secret.get_secret_value()) if secret else None,
    )  # fmt: skip
    lifetime = timedelta(seconds=sessions.refresh_seconds)
    opened = SessionDesk(people, SessionStore(database), ring, bus, witness, lifetime)
    keys = KeyDesk(MachineKeyStore(database), accounts, bus, witness)
    users = UserDesk(people, opened, keys, witness, settings.accounts.least_password)
    return _Desks(people, opened, users, keys, AuditDesk(ChainStore(database)))


@dataclass(frozen=True)
class _Prepared:
    """Indexes, keys and someone who can sign in; entered again as long as Mongo is away."""

    desks: _Desks
    demo: bool

    async def __aenter__(self) -> None:
        people, sessions = self.desks.people, self.desks.sessions
        stores = (people.accounts, sessions.sessions, people.guard.guesses, self.desks.keys.keys)
        for store in (*stores, self.desks.audit.chain):
            await store.prepare()
        await people.passwords.prepare()
        await sessions.keys.renew(utc_now())
        if not await people.accounts.any():
            await self._first_admin()
        elif not self.demo:
            await self._end_demo()

    async def __aexit__(self, *_: object) -> None:
        self.desks.people.passwords.close()

    async def _first_admin(self) -> None:
        password = DEMO_PASSWORD if self.demo else secrets.token_urlsafe(15)
        admin = account(
            identity=str(uuid4()), username=ADMIN, password=await self.desks.people.passwords.hash(password),
            roles=(auth.Role.ADMIN,), now=utc_now(), demo=self.demo,
        )  # fmt: skip
        try:
            await self.desks.people.accounts.add(admin)
        except Conflict:
            return  # another replica was first, and has told
        if not self.demo:
            _tell(ADMIN, password)

    async def _end_demo(self) -> None:
        people = self.desks.people
        for left in await people.accounts.demo():
            password = secrets.token_urlsafe(15)
            if await people.accounts.set_password(left, await people.passwords.hash(password)):
                _tell(left.username, password)


async def _tidy_once(desks: _Desks) -> None:
    now = utc_now()
    try:
        await desks.sessions.keys.renew(now)
        await desks.users.settle_all()
        await desks.sessions.sessions.forget(now - timedelta(days=1))
        await desks.people.guard.guesses.forget(now - timedelta(days=1))
    except Unavailable as away:
        _log.warning("tidying waits", reason=str(away))
    except Invalid as unreadable:  # another replica was given another secret: this one goes on as it is
        _log.error("tidying fails", reason=str(unreadable))


def _tell(username: str, password: str) -> None:
    line = f"  FIRST START: sign in as '{username}' with the password '{password}'. It is not shown again.  "
    frame = "*" * len(line)
    print(f"\n{frame}\n{line}\n{frame}\n", file=sys.stdout, flush=True)  # noqa: T201 - never into a log


def _wire(bus: Service, desks: _Desks) -> None:
    bus.answers(auth.LOGIN, desks.sessions.login)
    bus.answers(auth.REFRESH, desks.sessions.refresh)
    bus.answers(auth.LOGOUT, desks.sessions.logout)
    bus.answers(auth.ENDED, desks.sessions.ended)
    bus.answers(auth.OPEN_SESSIONS, desks.sessions.open)
    bus.answers(auth.KEYS, desks.sessions.public_keys)
    bus.answers(auth.USER, desks.people.get)
    bus.answers(auth.VERIFY_PASSWORD, desks.people.verify)
    bus.answers(auth.LIST_USERS, desks.users.all)
    bus.answers(auth.CREATE_USER, desks.users.create)
    bus.answers(auth.CHANGE_USER, desks.users.change)
    bus.answers(auth.DELETE_USER, desks.users.delete)
    bus.answers(auth.CHANGE_PASSWORD, desks.users.change_password)
    bus.answers(auth.CREATE_KEY, desks.keys.create)
    bus.answers(auth.LIST_KEYS, desks.keys.list)
    bus.answers(auth.REVOKE_KEY, desks.keys.revoke)
    bus.answers(auth.RESOLVE_KEY, desks.keys.resolve)
    bus.answers(audit.LIST, desks.audit.entries)
    bus.answers(audit.VERIFY, desks.audit.verify)
    bus.hears(audit.RECORD, desks.audit.record)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SERVICE = ServiceDefinition("auth", AuthSettings, build)
