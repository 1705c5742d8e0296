"""What every service reads from its environment."""

from pathlib import Path

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from andon.messaging import BusSettings
from andon.telemetry import TelemetrySettings


class HealthSettings(BaseModel):
    """Where a service answers /live, /ready and /metrics."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free port."""
    announce: Path | None = None
    """A file that is written once the service is ready, with the ports it really got."""
    timeout: float = 2.0
    """Seconds a dependency has to answer its ping."""


class HttpSettings(BaseModel):
    """Where a service that speaks HTTP listens; a block for the services that do."""

    host: str = "127.0.0.1"
    port: int = 8080
    """0 takes a free port."""
    drain: float = 3.0
    """Seconds that open requests and streams have to end at a stop."""


class Settings(BaseSettings):
    """Read from ANDON_* variables; blocks nest with `__`, such as ANDON_BUS__URL."""

    model_config = SettingsConfigDict(
        env_prefix="ANDON_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
        extra="ignore",
        frozen=True,
    )

    bus: BusSettings = BusSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    health: HealthSettings = HealthSettings()
    data: Path = Path(".andon")
    """A folder of this machine, for what a service may keep beside its databases."""
    demo: bool = False
    """Well-known credentials and open doors, on loopback only."""
    grace: float = 10.0
    """Seconds that work in hand has to finish at a stop."""
