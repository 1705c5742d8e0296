"""What an operator may choose about logs and traces."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field


class TelemetrySettings(BaseModel):
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least that is logged; libraries below Andon are heard from `warning` on, or all at `debug`."""
    format: Literal["auto", "json", "text"] = "auto"
    """One JSON object a line, or text to read; `auto` is text on a terminal."""
    otlp_endpoint: str | None = None
    """Base URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318; without it no span leaves."""
    sample: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of new traces that are recorded; a caller's own choice is kept."""
