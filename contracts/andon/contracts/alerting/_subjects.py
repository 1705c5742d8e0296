"""The addresses of alerting."""

from andon.contracts._subject import INTEGRATIONS, Event, Query
from andon.contracts.alerting import _alert as alert
from andon.contracts.alerting import _changes as changes
from andon.contracts.alerting import _channel as channel
from andon.contracts.alerting import _rule as rule

_SELF = ("alerting",)
_GATEWAY = ("gateway",)
_SHOWN = ("gateway", "opcua-bridge")
_READERS = ("gateway", INTEGRATIONS)

OPENED = Event(
    "alerting.alert.opened.v1", alert.Alert, "A rule's limit was crossed.", said_by=_SELF, heard_by=_SHOWN
)
ACKNOWLEDGED = Event(
    "alerting.alert.acknowledged.v1", alert.Alert, "A person has seen it.", said_by=_SELF, heard_by=_SHOWN
)
RESOLVED = Event(
    "alerting.alert.resolved.v1", alert.Alert, "What it was about is over.", said_by=_SELF, heard_by=_SHOWN
)
CHANGED = Event(
    "alerting.alert.changed.v1",
    alert.Alert,
    "It was escalated or commented; its state is as before.",
    said_by=_SELF,
    heard_by=_SHOWN,
)
LIST = Query(
    "alerting.alert.list.v1",
    alert.ListAlerts,
    "Read alerts.",
    (*_SHOWN, INTEGRATIONS),
    _SELF,
    reply=alert.Alerts,
)
GET = Query(
    "alerting.alert.get.v1",
    alert.GetAlert,
    "Read an alert with its history.",
    _READERS,
    _SELF,
    reply=alert.AlertDetails,
)
ACKNOWLEDGE = Query(
    "alerting.alert.acknowledge.v1",
    alert.AcknowledgeAlert,
    "Mark an alert as seen.",
    said_by=_SHOWN,
    heard_by=_SELF,
    reply=alert.Alert,
)
RESOLVE = Query(
    "alerting.alert.resolve.v1",
    alert.ResolveAlert,
    "Take an alert as over.",
    _GATEWAY,
    _SELF,
    reply=alert.Alert,
)
COMMENT = Query(
    "alerting.alert.comment.v1",
    alert.CommentAlert,
    "Write something to an alert.",
    _SHOWN,
    _SELF,
    reply=alert.AlertDetails,
)
GROUP_LIST = Query(
    "alerting.group.list.v1",
    alert.ListGroups,
    "Read what is not over, a rule at a time.",
    _READERS,
    _SELF,
    reply=alert.AlertGroups,
)
GROUP_ACKNOWLEDGE = Query(
    "alerting.group.acknowledge.v1",
    alert.AcknowledgeGroup,
    "Mark a rule's alerts as seen.",
    _GATEWAY,
    _SELF,
    reply=alert.GroupAcknowledged,
)
SILENCE_ADD = Query(
    "alerting.silence.add.v1",
    alert.AddSilence,
    "Notify nobody for some time.",
    _GATEWAY,
    _SELF,
    reply=alert.Silence,
)
SILENCE_END = Query(
    "alerting.silence.end.v1",
    alert.EndSilence,
    "Notify again, before its time.",
    _GATEWAY,
    _SELF,
    reply=alert.Silence,
)
SILENCE_LIST = Query(
    "alerting.silence.list.v1", alert.ListSilences, "Read silences.", _READERS, _SELF, reply=alert.Silences
)

SILENCE_CHANGED = Event(
    "alerting.silence.changed.v1",
    alert.Silence,
    "Nobody is notified for some time, or again before its end.",
    _SELF,
    _GATEWAY,
)

RULE = Query(
    "alerting.rule.get.v1",
    rule.GetRule,
    "Read what the pass rate is held against.",
    said_by=_READERS,
    heard_by=_SELF,
    reply=rule.Rule,
)
RULE_LIST = Query(
    "alerting.rule.list.v1", rule.ListRules, "Read all rules.", _READERS, _SELF, reply=rule.Rules
)
RULE_READ = Query(
    "alerting.rule.read.v1", rule.ReadRule, "Read one rule.", _READERS, _SELF, reply=rule.AlertRule
)
RULE_PUT = Query(
    "alerting.rule.put.v1", rule.PutRule, "Make or change a rule.", _GATEWAY, _SELF, reply=rule.SavedRule
)
RULE_DELETE = Query(
    "alerting.rule.delete.v1",
    rule.DeleteRule,
    "Remove a rule, or put it back to what it was.",
    _GATEWAY,
    _SELF,
    reply=rule.RuleDeleted,
)
RULE_PREVIEW = Query(
    "alerting.rule.preview.v1",
    rule.PreviewRule,
    "Try a rule on the past.",
    _GATEWAY,
    _SELF,
    reply=rule.Preview,
)
RULE_HISTORY = Query(
    "alerting.rule.history.v1",
    rule.ReadRule,
    "Read who changed a rule.",
    _GATEWAY,
    _SELF,
    reply=rule.RuleHistory,
)

RULE_CHANGED = Event(
    "alerting.rule.changed.v1", changes.RuleChanged, "A rule was made, changed or removed.", _SELF, _GATEWAY
)

CHANNEL_LIST = Query(
    "alerting.channel.list.v1",
    channel.ListChannels,
    "Read who is told.",
    _GATEWAY,
    _SELF,
    reply=channel.Channels,
)
CHANNEL_PUT = Query(
    "alerting.channel.put.v1",
    channel.PutChannel,
    "Make or change a channel.",
    _GATEWAY,
    _SELF,
    reply=channel.SavedChannel,
)
CHANNEL_DELETE = Query(
    "alerting.channel.delete.v1",
    channel.ChannelById,
    "Remove a channel.",
    _GATEWAY,
    _SELF,
    reply=channel.ChannelDeleted,
)
CHANNEL_TEST = Query(
    "alerting.channel.test.v1",
    channel.ChannelById,
    "Send something now, and say whether it arrived.",
    _GATEWAY,
    _SELF,
    reply=channel.Tested,
)
NOTICE_LIST = Query(
    "alerting.notice.list.v1",
    channel.ListNotices,
    "Read what was sent, and what could not be.",
    _GATEWAY,
    _SELF,
    reply=channel.Notices,
)
NOTICE_RETRY = Query(
    "alerting.notice.retry.v1",
    channel.RetryNotices,
    "Try what was given up again, or drop it.",
    _GATEWAY,
    _SELF,
    reply=channel.RetriedNotices,
)
CHANNEL_CHANGED = Event(
    "alerting.channel.changed.v1",
    changes.ChannelChanged,
    "A channel was set up or removed, or something was sent there.",
    _SELF,
    _GATEWAY,
)
