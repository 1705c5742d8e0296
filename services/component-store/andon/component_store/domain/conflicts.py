"""What differs between a worker's folder and the store, and who gives way."""

from dataclasses import dataclass
from enum import StrEnum


class Difference(StrEnum):
    LOCAL_ONLY = "local_only"
    SERVER_ONLY = "server_only"
    SERVER_NEWER = "server_newer"
    """What is here is a version that the store knows, and another one is active."""
    LOCAL_NEWER = "local_newer"
    """What is here the store has never seen."""


class Strategy(StrEnum):
    SERVER_AUTHORITATIVE = "server_authoritative"
    """The active version, always; what only this folder has goes up."""
    LOCAL_PRIORITY = "local_priority"
    """What the store has not seen goes up and becomes active."""
    INTERACTIVE = "interactive"
    """A person decides."""
    DRY_RUN = "dry_run"
    """Nothing is changed."""


class Resolution(StrEnum):
    USE_SERVER = "use_server"
    USE_LOCAL = "use_local"
    SKIP = "skip"
    ASK = "ask"


@dataclass(frozen=True)
class Conflict:
    """One path where the folder and the store differ."""

    path: str
    difference: Difference
    local: str | None
    """sha256 of the file here."""
    server: str | None
    """sha256 of the active version."""

    @property
    def choices(self) -> tuple[Resolution, ...]:
        """What can be done about it."""
        sides = ((Resolution.USE_SERVER, self.server), (Resolution.USE_LOCAL, self.local))
        return (*(side for side, there in sides if there), Resolution.SKIP)


def difference(local: str | None, server: str | None, *, known: bool) -> Difference | None:
    """`known`: the store has the local content as a version of this path. None where nothing is to do."""
    if local == server:
        return None
    if server is None:
        return Difference.LOCAL_ONLY
    if local is None:
        return Difference.SERVER_ONLY
    return Difference.SERVER_NEWER if known else Difference.LOCAL_NEWER


def resolution(found: Difference, strategy: Strategy) -> Resolution:
    """Who gives way."""
    match strategy:
        case Strategy.DRY_RUN:
            return Resolution.SKIP
        case Strategy.INTERACTIVE:
            return Resolution.ASK
        case Strategy.SERVER_AUTHORITATIVE:
            up = found is Difference.LOCAL_ONLY
        case Strategy.LOCAL_PRIORITY:
            up = found in (Difference.LOCAL_ONLY, Difference.LOCAL_NEWER)
    return Resolution.USE_LOCAL if up else Resolution.USE_SERVER
