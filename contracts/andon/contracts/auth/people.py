"""Who there is and what they may do."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from andon.contracts._message import Message, Time
from andon.contracts._subject import Query


class Role(StrEnum):
    ADMIN = "admin"
    ENGINEER = "engineer"
    OPERATOR = "operator"


class Permission(StrEnum):
    INSPECT = "inspect"
    """Send parts to be judged; acknowledge alerts."""
    VIEW_HISTORY = "view_history"
    """Read records, statistics and evidence."""
    CONFIGURE = "configure"
    """Change stations, recipes and models; delete records."""
    MANAGE_USERS = "manage_users"
    """Users, everybody's keys, the audit log."""


class Kind(StrEnum):
    USER = "user"
    KEY = "key"
    SERVICE = "service"
    """Andon itself, such as a clean-up on a schedule."""


class Actor(Message):
    """Who does something."""

    id: str
    """Empty for a sign-in under a name that nobody has."""
    name: str
    kind: Kind = Kind.USER


Username = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]

Email = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, max_length=254, pattern=r"^[^@\s\x00-\x1f\x7f]+@[^@\s\x00-\x1f\x7f]+$"
    ),
]

Password = Annotated[str, StringConstraints(min_length=1, max_length=256)]

Roles = Annotated[tuple[Role, ...], Field(min_length=1, max_length=len(Role))]


class User(Message):
    id: str
    username: str
    email: str | None = None
    roles: tuple[Role, ...]
    active: bool = True
    created_at: Time


class GetUser(Message):
    id: str


class ListUsers(Message):
    pass


class Users(Message):
    users: tuple[User, ...]
    """By name."""


class CreateUser(Message):
    username: Username
    email: Email | None = None
    password: Password
    roles: Roles = (Role.OPERATOR,)
    active: bool = True
    by: Actor


class ChangeUser(Message):
    """What is not None changes."""

    id: str
    username: Username | None = None
    email: Email | None = None
    clear_email: bool = False
    password: Password | None = None
    roles: Roles | None = None
    active: bool | None = None
    by: Actor


class DeleteUser(Message):
    id: str
    by: Actor


class UserDeleted(Message):
    id: str
    username: str


class ChangePassword(Message):
    """Of one's own: the current one proves that it is."""

    id: str
    current: str
    new: Password
    address: str = ""


class VerifyPassword(Message):
    """Check a password without opening a session, for protocols that carry one with each connection."""

    username: str
    password: str
    address: str = ""


USER = Query(
    "auth.user.get.v1",
    GetUser,
    "Read one user.",
    said_by=("gateway", "opcua-bridge"),
    heard_by=("auth",),
    reply=User,
)

LIST_USERS = Query(
    "auth.user.list.v1",
    ListUsers,
    "Read all users.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Users,
)

CREATE_USER = Query(
    "auth.user.create.v1",
    CreateUser,
    "Let somebody new sign in.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=User,
)

CHANGE_USER = Query(
    "auth.user.change.v1",
    ChangeUser,
    "Change a user; other roles, a new password or being inactive ends their sessions.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=User,
)

DELETE_USER = Query(
    "auth.user.delete.v1",
    DeleteUser,
    "Remove a user with their sessions and keys.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=UserDeleted,
)

CHANGE_PASSWORD = Query(
    "auth.password.change.v1",
    ChangePassword,
    "Change one's own password, which ends one's sessions.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=User,
)

VERIFY_PASSWORD = Query(
    "auth.password.verify.v1",
    VerifyPassword,
    "Check a name and password.",
    said_by=("opcua-bridge",),
    heard_by=("auth",),
    reply=User,
)
