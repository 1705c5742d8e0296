"""What each role may do."""

from dataclasses import dataclass
from enum import StrEnum

from andon.contracts.auth import Role


class Permission(StrEnum):
    INSPECT = "inspect"
    """Send parts to be judged; acknowledge alerts."""
    VIEW_HISTORY = "view_history"
    """Read records, statistics and evidence."""
    CONFIGURE = "configure"
    """Change stations, recipes and models; delete records."""
    MANAGE_USERS = "manage_users"


_OPERATOR = frozenset({Permission.INSPECT, Permission.VIEW_HISTORY})

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OPERATOR: _OPERATOR,
    Role.ENGINEER: _OPERATOR | {Permission.CONFIGURE},
    Role.ADMIN: frozenset(Permission),
}


@dataclass(frozen=True)
class Principal:
    """Whoever a request comes from."""

    id: str
    username: str
    roles: tuple[Role, ...]
    session_id: str

    @property
    def permissions(self) -> frozenset[Permission]:
        """Of all roles together."""
        return frozenset[Permission]().union(*(PERMISSIONS[role] for role in self.roles))
