"""Turns telemetry on for a process and off again."""

from opentelemetry import trace as otel

from andon.telemetry import _logs
from andon.telemetry._settings import TelemetrySettings


def start(service_name: str, settings: TelemetrySettings) -> None:
    """Logs in this process carry `service_name`; spans go to the collector, if one is set."""
    _logs.configure(service_name, settings)
    if settings.otlp_endpoint:
        _export(service_name, settings.otlp_endpoint, settings.sample)


def stop() -> None:
    """Send the spans that still wait; takes seconds when the collector is away."""
    shutdown = getattr(otel.get_tracer_provider(), "shutdown", None)
    if shutdown is not None:
        shutdown()


def _export(service_name: str, endpoint: str, sample: float) -> None:
    # Imported only here: the SDK and its exporter cost each process about 15 MB and half a second.
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    provider = TracerProvider(
        resource=Resource.create({"service.name": service_name}),
        sampler=ParentBased(TraceIdRatioBased(sample)),
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    otel.set_tracer_provider(provider)
