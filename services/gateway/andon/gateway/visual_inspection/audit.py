"""Who did what."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel

from andon.contracts import audit
from andon.contracts.audit import Outcome
from andon.contracts.auth import Kind
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayManage

routes = APIRouter(prefix="/audit", tags=["audit"])

_WALK_SECONDS = 60.0
Short = Annotated[str, Query(max_length=256)]


class ActorView(BaseModel):
    id: str
    name: str
    kind: Kind


class EntryView(BaseModel):
    """One thing that somebody did. `hash` covers all other fields and the hash before."""

    sequence: int
    id: str
    at: datetime
    actor: ActorView
    action: str
    target: str
    outcome: Outcome
    details: dict[str, str]
    address: str
    trace_id: str
    previous: str
    hash: str


class EntriesView(BaseModel):
    entries: list[EntryView]
    next_before: int | None
    """`before` of the next page; null on the last one."""


@routes.get("/verify", responses=may(503))
async def verify(_who: MayManage, here: Here) -> audit.Verified:
    """Walk the whole chain and say how far it holds. Note the answer elsewhere: it shows a later forgery."""
    return await here.bus.ask(audit.VERIFY, audit.VerifyChain(), timeout=_WALK_SECONDS)


@routes.get("")
async def entries(  # noqa: PLR0913, PLR0917 - its filters
    _who: MayManage,
    here: Here,
    actor: Short | None = None,
    action: Short | None = None,
    since: AwareDatetime | None = None,
    until: AwareDatetime | None = None,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> EntriesView:
    """What was done, newest first. `actor` is an id or a name; an `action` may end in `*`."""
    question = parsed(
        audit.ListEntries, actor=actor, action=action, since=since, until=until, before=before, limit=limit
    )
    found = await here.bus.ask(audit.LIST, question)
    return EntriesView(
        entries=[EntryView(**entry.model_dump()) for entry in found.entries], next_before=found.next_before
    )
