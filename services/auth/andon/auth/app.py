"""Puts the auth service together."""

import asyncio
import secrets
import sys
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from typing import Annotated, Self
from uuid import uuid4

from pydantic import BaseModel, Field, model_validator

from andon.auth.adapters import Passwords
from andon.auth.domain import ADMIN, DEMO_PASSWORD, account
from andon.auth.handlers import AccountDesk, KeyRing, SessionDesk, utc_now
from andon.auth.store import AccountStore, KeyStore, SessionStore
from andon.contracts import Conflict, Unavailable, auth
from andon.messaging import Service
from andon.runtime import Application, HttpSettings, ServiceDefinition, Settings
from andon.security import PasswordCost
from andon.storage import Mongo, MongoSettings
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


class AuthSettings(Settings):
    mongo: MongoSettings = MongoSettings()
    passwords: PasswordCost = PasswordCost()
    """What a guess costs."""
    sessions: SessionSettings = SessionSettings()
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
    database = mongo.database("auth")
    accounts, sessions = AccountStore(database), SessionStore(database)
    passwords = Passwords(settings.passwords)
    keys = KeyRing(
        KeyStore(database), settings.sessions.access_seconds, timedelta(days=settings.sessions.key_days)
    )
    people = AccountDesk(accounts, passwords)
    desk = SessionDesk(people, sessions, keys, bus, timedelta(seconds=settings.sessions.refresh_seconds))
    _wire(bus, people, desk)

    async def tidy() -> None:
        while True:
            await asyncio.sleep(_TIDY_SECONDS)
            await _tidy_once(sessions, keys)

    return Application(
        bus=bus,
        checks={"mongo": mongo.ping},
        resources=(mongo, _Prepared(accounts, sessions, passwords, keys, settings.demo)),
        background=(tidy,),
    )


@dataclass(frozen=True)
class _Prepared:
    """Indexes, keys and someone who can sign in; entered again as long as Mongo is away."""

    accounts: AccountStore
    sessions: SessionStore
    passwords: Passwords
    keys: KeyRing
    demo: bool

    async def __aenter__(self) -> None:
        await self.accounts.prepare()
        await self.sessions.prepare()
        await self.passwords.prepare()
        await self.keys.renew(utc_now())
        if not await self.accounts.any():
            await self._first_admin()
        elif not self.demo:
            await self._end_demo()

    async def __aexit__(self, *_: object) -> None:
        self.passwords.close()

    async def _first_admin(self) -> None:
        password = DEMO_PASSWORD if self.demo else secrets.token_urlsafe(15)
        admin = account(
            identity=str(uuid4()), username=ADMIN, password=await self.passwords.hash(password),
            role=auth.Role.ADMIN, now=utc_now(), demo=self.demo,
        )  # fmt: skip
        try:
            await self.accounts.add(admin)
        except Conflict:
            return  # another replica was first, and has told
        if not self.demo:
            _tell(ADMIN, password)

    async def _end_demo(self) -> None:
        for left in await self.accounts.demo():
            password = secrets.token_urlsafe(15)
            if await self.accounts.set_password(left, await self.passwords.hash(password)):
                _tell(left.username, password)


async def _tidy_once(sessions: SessionStore, keys: KeyRing) -> None:
    now = utc_now()
    try:
        await keys.renew(now)
        await sessions.forget(now - timedelta(days=1))
    except Unavailable as away:
        _log.warning("tidying waits", reason=str(away))


def _tell(username: str, password: str) -> None:
    line = f"  FIRST START: sign in as '{username}' with the password '{password}'. It is not shown again.  "
    frame = "*" * len(line)
    print(f"\n{frame}\n{line}\n{frame}\n", file=sys.stdout, flush=True)  # noqa: T201 - never into a log


def _wire(bus: Service, people: AccountDesk, desk: SessionDesk) -> None:
    bus.answers(auth.LOGIN, desk.login)
    bus.answers(auth.REFRESH, desk.refresh)
    bus.answers(auth.LOGOUT, desk.logout)
    bus.answers(auth.ENDED, desk.ended)
    bus.answers(auth.KEYS, desk.public_keys)
    bus.answers(auth.USER, people.get)
    bus.answers(auth.VERIFY_PASSWORD, people.verify)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


SERVICE = ServiceDefinition("auth", AuthSettings, build)
