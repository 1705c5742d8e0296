"""What went wrong last, for whoever looks."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from andon.telemetry import log

_log = log("andon.opcua_bridge")


@dataclass
class Trouble:
    """The last error of one fieldbus; it stays when all is well again, with its time."""

    of: str
    clock: Callable[[], datetime]
    last: str | None = None
    at: datetime | None = None

    def note(self, what: str) -> None:
        """Remember and log it."""
        self.last, self.at = what, self.clock()
        _log.warning("fieldbus trouble", of=self.of, reason=what)
