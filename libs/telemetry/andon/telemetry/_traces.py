"""Trace identity across services by W3C traceparent; spans are recorded only once an exporter is set."""

import random
from collections.abc import Generator, Mapping, MutableMapping
from contextlib import contextmanager

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_TRACEPARENT = TraceContextTextMapPropagator()


@contextmanager
def trace(
    name: str, parent: Context | None = None, attributes: Mapping[str, str | int | float | bool] | None = None
) -> Generator[Span]:
    """A span around a block, below `parent` (from `extract`) or the current span.

    Without an exporter nothing is recorded, but the trace id exists and travels all the same.
    """
    span = otel.get_tracer("andon").start_span(name, context=parent, attributes=attributes)
    if not span.get_span_context().is_valid:
        span = NonRecordingSpan(_fresh())
    with otel.use_span(span, end_on_exit=True):
        yield span


def inject(headers: MutableMapping[str, str]) -> None:
    """Add `traceparent` of the current span, if there is one, to outgoing headers."""
    _TRACEPARENT.inject(headers)


def extract(headers: Mapping[str, str]) -> Context:
    """The caller's trace, to pass to `trace(parent=...)`; an empty context where headers carry none."""
    return _TRACEPARENT.extract(headers, Context())


def trace_id() -> str:
    """The current trace id as 32 hex digits; an empty string outside of any trace."""
    context = otel.get_current_span().get_span_context()
    return format(context.trace_id, "032x") if context.is_valid else ""


def _fresh() -> SpanContext:
    return SpanContext(
        trace_id=random.getrandbits(128) or 1,
        span_id=random.getrandbits(64) or 1,
        is_remote=False,
        trace_flags=TraceFlags(TraceFlags.DEFAULT),
    )
