"""What an operator may choose about the embedded servers."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class EmbeddedSettings(BaseSettings):
    """Read from ANDON_EMBEDDED__* variables. A port of 0 is chosen once and then kept in the data folder."""

    model_config = SettingsConfigDict(env_prefix="ANDON_EMBEDDED__", extra="ignore", frozen=True)

    secantus: Path | None = None
    """The secantusd-py program; by default the checkout's .venv-mongo or the PATH has it."""
    nats_port: int = 0
    monitor_port: int | None = None
    """Turns the broker's monitoring on, on loopback; it asks for no password."""
    mongo_port: int = 0
    s3_port: int = 0
