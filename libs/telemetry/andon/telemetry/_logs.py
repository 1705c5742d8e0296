"""Structured logs on standard error, our own and those of libraries in one form."""

import logging
import sys
from typing import Any, TypeAlias

import structlog
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from andon.telemetry._settings import TelemetrySettings
from andon.telemetry._traces import trace_id

Logger: TypeAlias = FilteringBoundLogger

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def log(name: str) -> Logger:
    """A logger; `log("andon.inspection").info("judged", part_id=...)`. Works before `start` too."""
    return structlog.get_logger(name)


class _Line:
    """Writes finished lines to whatever standard error is at that moment."""

    def __init__(self, name: str = "") -> None:
        self.name = name

    def msg(self, message: str) -> None:
        print(message, file=sys.stderr, flush=True)  # noqa: T201 - this is where logs come out

    debug = info = warning = error = critical = exception = log = msg


class _Libraries(logging.Handler):
    """Sends what libraries log through the standard module out in the same form."""

    def emit(self, record: logging.LogRecord) -> None:
        _Line().msg(self.format(record))


def configure(service: str, settings: TelemetrySettings) -> None:
    """Set the form and level of all logs of this process; may be called again."""
    level = _LEVELS[settings.level]
    before = [structlog.stdlib.add_logger_name, *_processors(service)]
    structlog.configure(
        processors=[*before, _renderer(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_Line,
        cache_logger_on_first_use=False,
    )
    handler = _Libraries()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer(settings)],
            foreign_pre_chain=before,
        )
    )
    root = logging.getLogger()
    for old in [known for known in root.handlers if isinstance(known, _Libraries)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level if settings.level in ("debug", "error") else logging.WARNING)


def _processors(service: str) -> list[Processor]:
    def add_origin(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = service
        if current := trace_id():
            event["trace_id"] = current
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_origin,
        structlog.processors.format_exc_info,
    ]


def _renderer(settings: TelemetrySettings) -> Any:
    if settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty()):
        return structlog.processors.JSONRenderer(default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
