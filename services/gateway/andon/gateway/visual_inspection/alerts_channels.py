"""Who is told of alerts: channels, a test of each, what was sent and what could not be."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import alerting
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure

routes = APIRouter(prefix="/alert-channels", tags=["alerts"])
notices = APIRouter(prefix="/alert-notices", tags=["alerts"])


class ChannelBody(alerting.ChannelBody):
    """Secrets are write-only; one that is left out stays while the channel goes to the same place."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelsView(BaseModel):
    channels: list[alerting.Channel]


class NoticesView(BaseModel):
    notices: list[alerting.Notice]
    """Newest first."""
    dead: int
    """Given up, of all channels."""


class RetryBody(BaseModel):
    """Without ids: all dead ones, of the channel where one is named."""

    model_config = ConfigDict(extra="forbid")

    channel: str | None = None
    ids: Annotated[list[str], Field(max_length=1000)] = Field(default_factory=list[str])
    discard: bool = False
    """Drop them instead."""


class RetriedView(BaseModel):
    count: int


@routes.get("")
async def channels(_who: MayConfigure, here: Here) -> ChannelsView:
    """Every channel by its id, without secrets, and whether what is sent arrives."""
    found = await here.bus.ask(alerting.CHANNEL_LIST, alerting.ListChannels())
    return ChannelsView(channels=list(found.channels))


@routes.put("/{id}", responses=may(422))
async def put(id: str, body: ChannelBody, who: MayConfigure, here: Here) -> alerting.SavedChannel:  # noqa: A002
    """Make or change a channel. A webhook's secret is made where none is given, and shown this once."""
    said = alerting.ChannelBody(**{name: getattr(body, name) for name in alerting.ChannelBody.model_fields})
    question = parsed(alerting.PutChannel, id=id, channel=said, by=who.username)
    return await here.bus.ask(alerting.CHANNEL_PUT, question)


@routes.delete("/{id}", responses=may(409))
async def delete(id: str, who: MayConfigure, here: Here) -> alerting.ChannelDeleted:  # noqa: A002
    """Remove a channel that no rule names; what waits for it is dropped."""
    return await here.bus.ask(alerting.CHANNEL_DELETE, parsed(alerting.ChannelById, id=id, by=who.username))


@routes.post("/{id}/test")
async def test(id: str, who: MayConfigure, here: Here) -> alerting.Tested:  # noqa: A002
    """Send something now, and say whether it arrived and why not."""
    question = parsed(alerting.ChannelById, id=id, by=who.username)
    return await here.bus.ask(alerting.CHANNEL_TEST, question, timeout=30)


@notices.get("")
async def sent(
    _who: MayConfigure,
    here: Here,
    state: alerting.NoticeState | None = None,
    channel: Annotated[str | None, Query(max_length=64)] = None,
    alert_id: Annotated[str | None, Query(max_length=64)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> NoticesView:
    """What was sent and to whom; with `state=dead` what was given up."""
    question = parsed(alerting.ListNotices, state=state, channel=channel, alert_id=alert_id, limit=limit)
    found = await here.bus.ask(alerting.NOTICE_LIST, question)
    return NoticesView(notices=list(found.notices), dead=found.dead)


@notices.post("/retry")
async def retry(body: RetryBody, who: MayConfigure, here: Here) -> RetriedView:
    """Try again what was given up, or drop it."""
    question = parsed(alerting.RetryNotices, **body.model_dump(), by=who.username)
    found = await here.bus.ask(alerting.NOTICE_RETRY, question)
    return RetriedView(count=found.count)
