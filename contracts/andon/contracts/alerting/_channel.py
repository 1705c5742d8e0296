"""A channel: where people and machines are told of alerts, and what was sent there."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from andon.contracts._message import Label, Message, Name, Time
from andon.contracts.alerting._alert import Severity

Secret = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=r"^[\x20-\x7e]+$")]
"""Can be set and is in no answer; left out, the one that is there stays while it goes to the same place."""
Host = Annotated[str, StringConstraints(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$")]
Address = Annotated[
    str,
    StringConstraints(
        max_length=254, pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$"
    ),
]
Url = Annotated[str, StringConstraints(max_length=2000, pattern=r"^https?://[^\s/@?#\\]+(/[^\s#\\]*)?$")]
Topic = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^+#$\x00-\x1f][^+#\x00-\x1f]*$")
]


class Security(StrEnum):
    """How a mail server is spoken to."""

    TLS = "tls"
    STARTTLS = "starttls"
    NONE = "none"
    """Readable by whoever is between."""


class EmailTarget(Message):
    kind: Literal["email"] = "email"
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 587
    security: Security = Security.STARTTLS
    user: Label | None = None
    password: Secret | None = None
    sender: Address
    to: Annotated[tuple[Address, ...], Field(min_length=1, max_length=50)]


class WebhookTarget(Message):
    """A POST of JSON, signed as the Standard Webhooks say. Redirects are not followed."""

    kind: Literal["webhook"] = "webhook"
    url: Url
    secret: Secret | None = None
    """`whsec_` and base64 of the key, or any text of 16 characters and more; made where none is given."""


class MqttTarget(Message):
    """Each alert as JSON to a topic, QoS 1. What the fieldbus publishes needs no channel."""

    kind: Literal["mqtt"] = "mqtt"
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    tls: bool = False
    topic: Topic = "andon/alerts"
    user: Label | None = None
    password: Secret | None = None


class AppriseTarget(Message):
    """A chat or paging service by its Apprise URL, such as slack://…; the whole URL is the secret."""

    kind: Literal["apprise"] = "apprise"
    url: Secret | None = None


Target = Annotated[EmailTarget | WebhookTarget | MqttTarget | AppriseTarget, Field(discriminator="kind")]
Template = Annotated[str, StringConstraints(max_length=4000)]


class ChannelBody(Message):
    title: Label
    enabled: bool = True
    minimum_severity: Severity = Severity.INFO
    """Of alerts whose rule names no channels."""
    resolved_too: bool = True
    """Whether it is told that an alert is over."""
    target: Target
    subject: Template = ""
    """`$count $severity $title $state $station $subject $rule $time $message`; empty is Andon's own words."""
    body: Template = ""
    """Once per alert, with the same names; of a webhook and MQTT, the `text` beside the values."""


class Channel(ChannelBody):
    """A channel without its secrets."""

    id: Name
    secret_set: bool = False
    changed_at: Time
    changed_by: str
    failing_since: Time | None = None
    """None: what was sent last arrived."""
    last_error: str | None = None
    last_sent_at: Time | None = None


class PutChannel(Message):
    id: Name
    channel: ChannelBody
    by: str


class SavedChannel(Message):
    channel: Channel
    secret: str | None = None
    """Of a webhook for which one was made: shown here and nowhere else."""
    remarks: tuple[str, ...] = ()


class ListChannels(Message):
    pass


class Channels(Message):
    """By id."""

    channels: tuple[Channel, ...]


class ChannelById(Message):
    id: Name
    by: str


class ChannelDeleted(Message):
    id: str


class Tested(Message):
    """What became of a test message."""

    arrived: bool
    error: str | None = None
    seconds: float


class NoticeState(StrEnum):
    WAITING = "waiting"
    """To be sent, or to be tried again."""
    SENT = "sent"
    DEAD = "dead"
    """Given up after every try; see `retry`."""
    DROPPED = "dropped"
    """Nobody needs it any more: it was over before its silence was, or somebody discarded it."""


class Notice(Message):
    """One change of one alert, for one channel."""

    id: str
    channel: str
    alert_id: str
    title: str
    severity: Severity
    change: str
    """opened, escalated or resolved."""
    state: NoticeState
    attempts: int = 0
    created_at: Time
    next_at: Time
    """When it is tried; of what waits."""
    sent_at: Time | None = None
    error: str | None = None
    """Why the last try failed."""


class ListNotices(Message):
    state: NoticeState | None = None
    channel: Name | None = None
    alert_id: str | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 100


class Notices(Message):
    """Newest first."""

    notices: tuple[Notice, ...]
    dead: int
    """Of all channels."""


class RetryNotices(Message):
    """Try dead ones again, from now on."""

    channel: Name | None = None
    ids: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    """None named is all."""
    by: str
    discard: bool = False
    """Drop them instead."""


class RetriedNotices(Message):
    count: int
