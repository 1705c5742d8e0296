"""What each role may do, and who it is that does something."""

from dataclasses import dataclass

from andon.contracts.auth import Actor, Kind, Permission, Role

_OPERATOR = frozenset({Permission.INSPECT, Permission.VIEW_HISTORY})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: _OPERATOR,
    Role.ENGINEER: _OPERATOR | {Permission.CONFIGURE},
    Role.ADMIN: frozenset(Permission),
}


def permissions_of(roles: tuple[Role, ...]) -> frozenset[Permission]:
    """Of all roles together."""
    return frozenset[Permission]().union(*(PERMISSIONS[role] for role in roles))


@dataclass(frozen=True)
class Principal:
    """Whoever a request comes from: a person with a session, or a machine with a key."""

    id: str
    """Of the user, or of the key."""
    username: str
    """The user's name, or the key's."""
    roles: tuple[Role, ...]
    """None for a key: it has scopes."""
    session_id: str
    """What ends when they are signed out; for a key its id."""
    kind: Kind = Kind.USER
    scopes: frozenset[Permission] | None = None
    """What a key may do; None for people."""
    rate_per_minute: int | None = None
    """A limit of a key's own on its requests; None is what everybody may."""

    @property
    def permissions(self) -> frozenset[Permission]:
        """A key's scopes, or those of all roles together."""
        return permissions_of(self.roles) if self.scopes is None else self.scopes

    @property
    def actor(self) -> Actor:
        """As messages name them."""
        return Actor(id=self.id, name=self.username, kind=self.kind)
