"""Who did what: actions as they are told, and the chain of entries that auth makes of them."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from andon.contracts._message import Message, Time
from andon.contracts._subject import Command, Query
from andon.contracts.auth import Actor


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"
    """Something broke; it may or may not have been done."""


class Action(Message):
    """Something somebody did, or tried to do."""

    id: str
    """Made by whoever tells of it; told twice, it is recorded once."""
    at: Time
    actor: Actor
    action: str
    """What was done, such as `auth.user.change` or `PUT /api/v1/stations/{id}`."""
    target: str = ""
    """To what: an id, or several with commas between."""
    outcome: Outcome = Outcome.DONE
    details: dict[str, str] = Field(default_factory=dict[str, str])
    """Never a secret: whoever tells of it leaves out passwords, tokens and keys."""
    address: str = ""
    """Where the request came from."""
    trace_id: str = ""


class Entry(Action):
    """An action in its place in the chain."""

    sequence: int
    """1, 2, 3 and so on, without gaps."""
    previous: str
    """Hash of the entry before; 64 zeros for the first."""
    hash: str
    """SHA-256, in hex, of this entry's other fields as JSON with sorted names and no spaces."""


class ListEntries(Message):
    actor: str | None = None
    """Id or name."""
    action: str | None = None
    """The whole word, or with `*` at its end what it begins with."""
    since: Time | None = None
    until: Time | None = None
    """Exclusive."""
    before: Annotated[int, Field(ge=1)] | None = None
    """Only sequences below."""
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Entries(Message):
    entries: tuple[Entry, ...]
    """Newest first."""
    next_before: int | None = None
    """For the next page; None where there is none."""


class VerifyChain(Message):
    pass


class Verified(Message):
    """How far the chain holds, from its first entry on."""

    sequence: int
    """The last entry that is what was written; 0 when there is none."""
    hash: str
    """Its hash: noted elsewhere, it shows a later chain that was made anew."""
    broken_at: int | None = None
    """The first entry that was changed or is missing; None when all of them hold."""
    why: str = ""


RECORD = Command(
    "audit.action.record.v1",
    Action,
    "Write down who did what.",
    said_by=("gateway", "auth", "opcua-bridge"),
    heard_by=("auth",),
)
LIST = Query(
    "audit.entry.list.v1",
    ListEntries,
    "Read what was done, newest first.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Entries,
)
VERIFY = Query(
    "audit.chain.verify.v1",
    VerifyChain,
    "Walk all entries and say whether each is what was written.",
    said_by=("gateway",),
    heard_by=("auth",),
    reply=Verified,
)
