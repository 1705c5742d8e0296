"""Logs say who speaks and in which trace; traces cross services by one header."""

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import structlog
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from andon.telemetry import TelemetrySettings, extract, inject, log, metrics, start, trace, trace_id


@pytest.fixture(autouse=True)
def quiet_afterwards() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_log_line_names_service_logger_and_trace(capsys: pytest.CaptureFixture[str]):
    start("inspection", TelemetrySettings(format="json"))
    with trace("a frame"):
        log("andon.inspection").info("judged", part_id="p1")
        here = trace_id()
    (line,) = _lines(capsys)
    assert (line["event"], line["part_id"]) == ("judged", "p1")
    assert (line["service"], line["logger"], line["level"]) == ("inspection", "andon.inspection", "info")
    assert line["trace_id"] == here


def test_a_logger_made_before_the_start_speaks_in_the_same_form(capsys: pytest.CaptureFixture[str]):
    early = log("early")
    start("auth", TelemetrySettings(format="json"))
    early.warning("late")
    assert [line["service"] for line in _lines(capsys)] == ["auth"]


def test_libraries_are_heard_from_warning_on(capsys: pytest.CaptureFixture[str]):
    start("auth", TelemetrySettings(format="json"))
    start("auth", TelemetrySettings(format="json"))
    logging.getLogger("some.library").info("chatter")
    logging.getLogger("some.library").warning("lost %s", "it")
    assert [(line["logger"], line["event"]) for line in _lines(capsys)] == [("some.library", "lost it")]


def test_what_is_below_the_level_is_not_written(capsys: pytest.CaptureFixture[str]):
    start("auth", TelemetrySettings(format="json", level="warning"))
    log("a").info("quiet")
    log("a").warning("loud")
    assert [line["event"] for line in _lines(capsys)] == ["loud"]


def test_an_exception_is_logged_with_its_traceback(capsys: pytest.CaptureFixture[str]):
    start("auth", TelemetrySettings(format="json"))
    try:
        int("broken")
    except ValueError:
        log("a").exception("failed")
    (line,) = _lines(capsys)
    assert "ValueError: invalid literal" in str(line["exception"])


def test_text_is_for_reading(capsys: pytest.CaptureFixture[str]):
    start("auth", TelemetrySettings(format="text"))
    log("a").info("hello", answer=42)
    assert "answer=42" in capsys.readouterr().err


def test_a_trace_crosses_by_its_header():
    headers: dict[str, str] = {}
    with trace("asks"):
        inject(headers)
        here = trace_id()
    with trace("answers", parent=extract(headers)):
        assert trace_id() == here
        with trace("asks on"):
            assert trace_id() == here


def test_without_a_header_a_new_trace_begins():
    with trace("caller"):
        caller = trace_id()
        with trace("handler", parent=extract({"traceparent": "nonsense"})):
            assert trace_id() not in ("", caller)


def test_outside_of_a_trace_nothing_is_injected():
    headers: dict[str, str] = {}
    inject(headers)
    assert headers == {}
    assert trace_id() == ""


def test_every_metric_is_documented_and_can_be_read():
    ours = [each for each in vars(metrics).values() if isinstance(each, MetricWrapperBase)]
    assert len(ours) >= 18
    for each in ours:
        assert each._name.startswith("andon_")
        assert each._documentation.endswith(".")
    assert b"andon_parts_judged" in generate_latest(REGISTRY)


def test_the_tracing_sdk_is_loaded_only_for_a_collector():
    code = (
        "import sys, andon.telemetry as t; t.start('a', t.TelemetrySettings());"
        "sys.exit(any('opentelemetry.sdk' in name for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_spans_reach_a_collector():
    paths: list[str] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(f"{self.path} {b'a frame' in body}")
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the parent's name

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        # A provider can be set once per process: in one of its own.
        code = (
            "import sys, andon.telemetry as t;"
            "t.start('a', t.TelemetrySettings(otlp_endpoint=sys.argv[1]));\n"
            "with t.trace('a frame'): pass\n"
            "t.stop()"
        )
        endpoint = f"http://127.0.0.1:{server.server_port}"
        plain = {"OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
        subprocess.run([sys.executable, "-c", code, endpoint], check=True, env=plain)
        server.shutdown()
        thread.join()
    assert paths == ["/v1/traces True"]
