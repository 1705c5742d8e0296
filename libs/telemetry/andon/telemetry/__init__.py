"""Logs, traces and metrics, the same in every service."""

from andon.telemetry._logs import Logger, log
from andon.telemetry._settings import TelemetrySettings
from andon.telemetry._start import start, stop
from andon.telemetry._traces import extract, inject, trace, trace_id

__all__ = [
    "Logger", "TelemetrySettings",
    "extract", "inject", "log", "start", "stop", "trace", "trace_id",
]  # fmt: skip
