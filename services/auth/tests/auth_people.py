"""What tests of auth ask for, as the gateway does."""

from collections.abc import Awaitable

from andon.contracts import auth
from andon.messaging import Service
from andon.security import PasswordCost, Verifier

CHEAP = PasswordCost(passes=1, memory_kib=8)
ROOT = auth.Actor(id="root", name="root")


def sign_in(
    gateway: Service, name: str = "admin", password: str = "admin", address: str = "10.0.0.7"
) -> Awaitable[auth.Tokens]:
    return gateway.ask(auth.LOGIN, auth.Login(username=name, password=password, address=address))


def refresh(gateway: Service, token: str) -> Awaitable[auth.Tokens]:
    return gateway.ask(auth.REFRESH, auth.Refresh(refresh_token=token))


async def verifier_of(gateway: Service) -> Verifier:
    keys = await gateway.ask(auth.KEYS, auth.GetKeys())
    return Verifier({"keys": list(keys.keys)})


async def session_of(gateway: Service, tokens: auth.Tokens) -> str:
    return (await verifier_of(gateway)).verify(tokens.access_token).session_id


def create(gateway: Service, name: str, **changes: object) -> Awaitable[auth.User]:
    """Somebody new, an operator unless told otherwise."""
    values: dict[str, object] = {"username": name, "password": f"{name} has one", "by": ROOT}
    return gateway.ask(auth.CREATE_USER, auth.CreateUser.model_validate(values | changes))


def change(gateway: Service, user: auth.User, **changes: object) -> Awaitable[auth.User]:
    values: dict[str, object] = {"id": user.id, "by": ROOT}
    return gateway.ask(auth.CHANGE_USER, auth.ChangeUser.model_validate(values | changes))


def delete(gateway: Service, user: auth.User, by: auth.Actor = ROOT) -> Awaitable[auth.UserDeleted]:
    return gateway.ask(auth.DELETE_USER, auth.DeleteUser(id=user.id, by=by))


def actor(user: auth.User) -> auth.Actor:
    return auth.Actor(id=user.id, name=user.username)
