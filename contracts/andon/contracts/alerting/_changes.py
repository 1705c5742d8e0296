"""What people changed of alerting: small events for whoever shows it."""

from andon.contracts._message import Message, Name
from andon.contracts.alerting._rule import AlertRule


class RuleChanged(Message):
    """A rule was made, changed, removed, or put back to what it was."""

    id: Name
    by: str
    rule: AlertRule | None = None
    """As it holds now; None when it is gone."""


class ChannelChanged(Message):
    """A channel was set up or removed, or what was sent there arrived, or did not.

    What it holds is not said: who may see channels asks for them.
    """

    id: Name
    by: str = "andon"
    """A person's name, or `andon` where something was sent."""
    gone: bool = False
