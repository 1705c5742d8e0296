"""How notices leave: HTTP, mail, MQTT and chat services, none of them into places they must not reach."""

from andon.alerting.adapters.addresses import Guard, Network, Undelivered
from andon.alerting.adapters.safe import Safe
from andon.alerting.adapters.sending import NotifySettings, Sender

__all__ = ["Guard", "Network", "NotifySettings", "Safe", "Sender", "Undelivered"]
