"""How many requests a minute each client may send, counted over all gateways together."""

from andon.gateway.limits.gate import Gate, is_free
from andon.gateway.limits.ledger import Ledger
from andon.gateway.limits.limits import Limits
from andon.gateway.limits.settings import LimitSettings

__all__ = ["Gate", "Ledger", "LimitSettings", "Limits", "is_free"]
