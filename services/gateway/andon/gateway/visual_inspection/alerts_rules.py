"""When something is an alert: rules that people read, change and try on the past."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from andon.contracts import alerting
from andon.gateway.context import Here
from andon.gateway.errors import may, parsed
from andon.gateway.principal import MayConfigure, MayView

routes = APIRouter(prefix="/alert-rules", tags=["alerts"])


class RuleBody(alerting.RuleBody):
    """A rule as people say it."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PutRuleBody(RuleBody):
    revision: Annotated[int, Field(ge=0)] | None = None
    """Refused with 409 unless the rule is at this revision; 0 is a rule that nobody changed yet."""


class PreviewBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rule: RuleBody
    hours: Annotated[int, Field(ge=1, le=168)] = 24


class RulesView(BaseModel):
    rules: list[alerting.AlertRule]


class RuleHistoryView(BaseModel):
    revisions: list[alerting.AlertRule]
    """Newest first."""


@routes.get("")
async def rules(_who: MayView, here: Here) -> RulesView:
    """Every rule by its id, Andon's own among them."""
    found = await here.bus.ask(alerting.RULE_LIST, alerting.ListRules())
    return RulesView(rules=list(found.rules))


@routes.post("/preview", responses=may(422))
async def preview(body: PreviewBody, _who: MayConfigure, here: Here) -> alerting.Preview:
    """What a rule would have done with what was judged in the past; nothing is saved."""
    question = parsed(alerting.PreviewRule, rule=_said(body.rule), hours=body.hours)
    return await here.bus.ask(alerting.RULE_PREVIEW, question, timeout=25)


@routes.get("/{id}")
async def rule(id: str, _who: MayView, here: Here) -> alerting.AlertRule:  # noqa: A002 - its name in the API
    """One rule as it stands."""
    return await here.bus.ask(alerting.RULE_READ, parsed(alerting.ReadRule, id=id))


@routes.put("/{id}", responses=may(409, 422))
async def put(id: str, body: PutRuleBody, who: MayConfigure, here: Here) -> alerting.SavedRule:  # noqa: A002
    """Make a rule or write it anew; refused with 422 when it could never fire, or always would.

    The remarks say what is odd of it."""
    question = parsed(alerting.PutRule, id=id, rule=_said(body), by=who.username, revision=body.revision)
    return await here.bus.ask(alerting.RULE_PUT, question, timeout=15)


@routes.delete("/{id}", responses=may(409))
async def delete(id: str, who: MayConfigure, here: Here) -> alerting.RuleDeleted:  # noqa: A002
    """Remove a rule, or put one of Andon's own back to what it was."""
    return await here.bus.ask(alerting.RULE_DELETE, parsed(alerting.DeleteRule, id=id, by=who.username))


@routes.get("/{id}/history")
async def history(id: str, _who: MayView, here: Here) -> RuleHistoryView:  # noqa: A002
    """Who changed a rule, and what it was from then on."""
    found = await here.bus.ask(alerting.RULE_HISTORY, parsed(alerting.ReadRule, id=id))
    return RuleHistoryView(revisions=list(found.revisions))


def _said(body: RuleBody) -> alerting.RuleBody:
    return alerting.RuleBody(**{name: getattr(body, name) for name in alerting.RuleBody.model_fields})
