"""Who may sign in, and as what: for admins, and for everybody about themselves."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import Forbidden, auth
from andon.contracts.auth import Kind, Permission, Role
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayManage, SignedIn
from andon.gateway.visual_inspection.views import UserView
from andon.security import PERMISSIONS, Principal

routes = APIRouter(tags=["users"])

_MEANING = {
    Role.ADMIN: "Everything, users, keys and the audit log too.",
    Role.ENGINEER: "Changes stations, recipes and models, and what an operator does.",
    Role.OPERATOR: "Sends parts, sees what was judged, acknowledges alerts.",
}


class AccountView(UserView):
    active: bool
    created_at: datetime


class AccountsView(BaseModel):
    users: list[AccountView]


class RoleView(BaseModel):
    name: Role
    description: str
    permissions: list[Permission]


class RolesView(BaseModel):
    roles: list[RoleView]


class UserBody(BaseModel):
    """Somebody new. A password has at least six characters, or what the operator set."""

    model_config = ConfigDict(extra="forbid")

    username: auth.Username
    email: auth.Email | None = None
    password: auth.Password
    roles: Annotated[list[Role], Field(min_length=1, max_length=3)] = [Role.OPERATOR]
    active: bool = True


class UserChangeBody(BaseModel):
    """What is named changes; the rest stays. An e-mail of null is removed."""

    model_config = ConfigDict(extra="forbid")

    username: auth.Username | None = None
    email: auth.Email | None = None
    password: auth.Password | None = None
    roles: Annotated[list[Role], Field(min_length=1, max_length=3)] | None = None
    active: bool | None = None


class EmailBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: auth.Email | None


class PasswordBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    current_password: auth.Password
    new_password: auth.Password


class DeletedView(BaseModel):
    id: str
    status: str = "deleted"


@routes.get("/roles")
async def roles(_who: SignedIn) -> RolesView:
    """The roles there are, and what each may do."""
    found = [
        RoleView(name=role, description=_MEANING[role], permissions=sorted(PERMISSIONS[role]))
        for role in Role
    ]
    return RolesView(roles=found)


@routes.put("/users/me", responses=may(404))
async def change_me(body: EmailBody, who: SignedIn, here: Here) -> AccountView:
    """Change one's own e-mail; null removes it."""
    wish = parsed(
        auth.ChangeUser, id=_person(who).id, email=body.email, clear_email=body.email is None, by=who.actor
    )
    return account_view(await here.bus.ask(auth.CHANGE_USER, wish))


@routes.put("/users/me/password", responses=may(404))
async def change_my_password(body: PasswordBody, who: SignedIn, request: Request, here: Here) -> AccountView:
    """Change one's own password. All of one's sessions end: sign in again with the new one."""
    wish = auth.ChangePassword(
        id=_person(who).id, current=body.current_password, new=body.new_password, address=address_of(request)
    )
    found = await here.bus.ask(auth.CHANGE_PASSWORD, wish, timeout=10)
    here.door.end(who.session_id)
    return account_view(found)


@routes.get("/users")
async def users(_who: MayManage, here: Here) -> AccountsView:
    """All users, by name. Admins only, as all that changes others."""
    found = await here.bus.ask(auth.LIST_USERS, auth.ListUsers())
    return AccountsView(users=[account_view(user) for user in found.users])


@routes.post("/users")
async def create(body: UserBody, who: MayManage, here: Here) -> AccountView:
    """Let somebody new sign in."""
    wish = parsed(auth.CreateUser, **body.model_dump(), by=who.actor)
    return account_view(await here.bus.ask(auth.CREATE_USER, wish, timeout=10))


@routes.put("/users/{id}", responses=may(409))
async def change(
    id: str,  # noqa: A002 - its name in the API
    body: UserChangeBody,
    who: MayManage,
    here: Here,
) -> AccountView:
    """Change a user. Other roles, a new password and being inactive end their sessions everywhere."""
    clear = "email" in body.model_fields_set and body.email is None
    wish = parsed(auth.ChangeUser, id=id, **body.model_dump(), clear_email=clear, by=who.actor)
    return account_view(await here.bus.ask(auth.CHANGE_USER, wish, timeout=10))


@routes.delete("/users/{id}", responses=may(409))
async def delete(id: str, who: MayManage, here: Here) -> DeletedView:  # noqa: A002 - its name in the API
    """Remove a user; their sessions end and their keys are revoked. Never oneself, nor the last admin."""
    found = await here.bus.ask(auth.DELETE_USER, auth.DeleteUser(id=id, by=who.actor), timeout=10)
    return DeletedView(id=found.id)


def account_view(user: auth.User) -> AccountView:
    return AccountView(**user.model_dump())


def address_of(request: Request) -> str:
    """Where a request came from."""
    return request.client.host if request.client else ""


def _person(who: Principal) -> Principal:
    if who.kind is not Kind.USER:
        raise Forbidden("This is for people who are signed in; a key has no password and no e-mail.")
    return who
