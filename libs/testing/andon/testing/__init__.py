"""Real servers as fixtures, builders of contract messages, and waiting with a deadline."""

from andon.testing._restartable import Restartable
from andon.testing._servers import S3Address, Servers
from andon.testing._triton import TritonAddress
from andon.testing._waiting import eventually

__all__ = ["Restartable", "S3Address", "Servers", "TritonAddress", "eventually"]
