"""The configuration: read, changed while everything runs, and who changed it."""

import asyncio
import re
from datetime import datetime
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StrictBool

from andon.contracts import BadRequest, Message, Refused, alerting, config, opcua
from andon.contracts import Query as Question
from andon.gateway.context import Gateway, Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/config", tags=["system"])

R = TypeVar("R", bound=Message)

_PATIENCE = 0.5
_SECTIONS = ("inspection", "alerting", "batch", "query", "limits", "site")
_TAG = re.compile(r'(?:W/)?"?(\d{1,18})"?')


class OpcuaView(BaseModel):
    enabled: bool
    """Read-only: set where the bridge is started."""


class ConfigView(BaseModel):
    """The configuration as it is. No secret is in it: `query.api_key_set` tells whether there is one."""

    inspection: config.InspectionSection
    alerting: config.AlertingSection
    batch: config.BatchSection
    query: config.QuerySection
    limits: config.LimitsSection
    site: config.SiteSection
    opcua: OpcuaView
    revision: int
    """Goes up with every change; also the ETag."""
    changed_at: datetime | None
    changed_by: str | None
    chosen: list[str]
    """What people set here; the rest is as the services were started."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InspectionPart(_Part):
    keep_passed: config.Share | None = None
    image_retention_days: config.Days | None = None
    record_retention_days: config.Days | None = None
    max_gb: config.Gigabytes | None = None
    hold_failed: StrictBool | None = None


class AlertingPart(_Part):
    pass_rate_target: config.Target | None = None
    window_minutes: config.WindowMinutes | None = None
    minimum_parts: config.MinimumParts | None = None


class BatchPart(_Part):
    max_concurrent: config.Concurrent | None = None


class QueryPart(_Part):
    enabled: StrictBool | None = None
    backend: config.Backend | None = None
    model: config.ModelName | None = None
    base_url: config.BaseUrl | None = None
    """Another address, or another backend, drops the API key unless one is given with it."""
    timeout_seconds: config.Seconds | None = None
    api_key: config.Secret | None = None
    """Write-only; an empty one removes it."""
    api_key_set: bool | None = None
    """As it was read; it can't be set."""


class LimitsPart(_Part):
    login_per_minute: config.PerMinute | None = None
    others_per_minute: config.PerMinute | None = None


class SitePart(_Part):
    shift_starts: config.ShiftStarts | None = None
    zone: config.Zone | None = None


class ConfigBody(_Part):
    """What is named changes; null puts a value back to what the services were started with.

    The whole document, as it was read, is taken as well.
    """

    inspection: InspectionPart = InspectionPart()
    alerting: AlertingPart = AlertingPart()
    batch: BatchPart = BatchPart()
    query: QueryPart = QueryPart()
    limits: LimitsPart = LimitsPart()
    site: SitePart = SitePart()
    revision: Annotated[int, Field(strict=True, ge=0)] | None = None
    """Refused with 409 unless the configuration is at this revision; If-Match does the same."""
    opcua: OpcuaView | None = None
    changed_at: datetime | None = None
    changed_by: str | None = None
    chosen: list[str] | None = None


class HistoryView(BaseModel):
    revisions: list[config.Revision]
    """Newest first."""


@routes.get("")
async def read(_who: MayView, here: Here, response: Response) -> ConfigView:
    """The configuration as it is."""
    view = await _shown(here, await here.bus.ask(config.GET, config.GetDocument()))
    response.headers["ETag"] = f'"{view.revision}"'
    return view


@routes.post("", responses=may(409))
async def change(
    body: ConfigBody,
    who: MayConfigure,
    here: Here,
    response: Response,
    if_match: Annotated[str | None, Header(max_length=64)] = None,
) -> ConfigView:
    """Change what is named, all of it or nothing. Every service takes it over within a second.

    What changes nothing makes no revision. Admins and engineers only.
    """
    before = await _shown(here, await here.bus.ask(config.GET, config.GetDocument()))
    revision = _revision(body, if_match)
    if revision in (None, before.revision):
        _refuse_read_only(body, before)
    question = config.ChangeDocument(changes=_changes(body, before), revision=revision, by=who.username)
    view = await _shown(here, await here.bus.ask(config.CHANGE, question))
    response.headers["ETag"] = f'"{view.revision}"'
    return view


@routes.get("/history")
async def history(
    _who: MayView,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    before: Annotated[int | None, Query(ge=1, le=999_999_999)] = None,
) -> HistoryView:
    """Who changed what, newest first; `before` a revision for the next page."""
    found = await here.bus.ask(config.HISTORY, parsed(config.ListRevisions, limit=limit, before=before))
    return HistoryView(revisions=list(found.revisions))


async def _shown(here: Gateway, document: config.Document) -> ConfigView:
    """The document with what each service goes by where nobody chose anything."""
    rule, bridge = await asyncio.gather(
        _told(here, alerting.RULE, alerting.GetRule()), _told(here, opcua.STATUS, opcua.GetStatus())
    )
    own = {name: getattr(here.limits.settings, name) for name in config.LimitsSection.model_fields}
    limits = document.limits.model_copy(update=own | document.chosen_in("limits"))
    target = document.alerting
    if rule is not None:
        theirs = {name: getattr(rule, name) for name in config.AlertingSection.model_fields}
        target = target.model_copy(update=theirs | document.chosen_in("alerting"))
    return ConfigView(
        inspection=document.inspection,
        alerting=target,
        batch=document.batch,
        query=document.query,
        limits=limits,
        site=document.site,
        opcua=OpcuaView(enabled=bridge is not None and bridge.enabled),
        revision=document.revision,
        changed_at=document.changed_at,
        changed_by=document.changed_by,
        chosen=list(document.chosen),
    )


async def _told(here: Gateway, query: Question[Any, R], question: Message) -> R | None:
    try:
        return await here.bus.ask(query, question, timeout=_PATIENCE)
    except Refused:
        return None  # away, or switched off: the document itself is what there is to show


def _revision(body: ConfigBody, if_match: str | None) -> int | None:
    if if_match is None or if_match.strip() == "*":
        return body.revision
    match = _TAG.fullmatch(if_match.strip())
    if match is None:
        raise BadRequest("If-Match: give the ETag of the configuration.", {"If-Match": "no ETag"})
    named = int(match[1])
    if body.revision not in (None, named):
        raise BadRequest("revision: differs from If-Match.", {"revision": "differs from If-Match"})
    return named


def _refuse_read_only(body: ConfigBody, before: ConfigView) -> None:
    given = body.model_dump(include={"opcua", "changed_at", "changed_by", "chosen"}, exclude_unset=True)
    faults = {name: "it can't be set" for name, value in given.items() if value != before.model_dump()[name]}
    if body.query.api_key_set not in (None, before.query.api_key_set):
        faults["query.api_key_set"] = "it can't be set; set query.api_key"
    if faults:
        raise BadRequest("; ".join(f"{name}: {why}" for name, why in faults.items()), faults)


def _changes(body: ConfigBody, before: ConfigView) -> dict[str, dict[str, config.Value]]:
    """What differs from what is shown, so that sending back what was read changes nothing."""
    changes: dict[str, dict[str, config.Value]] = {}
    for section in _SECTIONS:
        named = getattr(body, section).model_dump(mode="json", exclude_unset=True, exclude={"api_key_set"})
        shown = getattr(before, section).model_dump(mode="json")
        part = {
            name: " ".join(value) if isinstance(value, list) else value
            for name, value in named.items()
            if name not in shown or value != shown[name]
        }
        if part:
            changes[section] = part
    return changes
