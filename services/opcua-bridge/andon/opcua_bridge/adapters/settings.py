"""Where SCADA connects, how, and how much of it."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from andon.contracts.opcua import Budgets

Group = Annotated[str, StringConstraints(pattern=r"^(?:[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?)?$")]


class OpcuaSettings(BaseModel):
    """One server; more stations than one process can serve are shared out among several, by group."""

    enabled: bool = True
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 4840
    """0 takes a free port."""
    path: str = "/andon"
    anonymous: bool = False
    """Let everybody read, also unencrypted and with any certificate. For the demo, on loopback only."""
    application_uri: str | None = None
    """Identifies this server to clients and stands in its certificate; by default it names the host."""
    pki: Path | None = None
    """Folder of the trust list, shared by all shards; by default below the data folder."""
    group: Group = ""
    """Name of this shard; empty for the only server."""
    stations: tuple[str, ...] = ("*",)
    """Which stations are shown here: ids, or patterns such as `press-*`."""
    machine_vision: bool = True
    """Show each station as a VisionSystem of OPC 40100-1 too."""
    history_days: Annotated[int, Field(ge=0)] = 30
    """How long values are kept for history reads; 0 keeps none."""
    budgets: Budgets = Budgets()

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"
