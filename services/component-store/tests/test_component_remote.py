"""The worker's client, where what answers is slow, busy or wrong."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from andon.component_store.client.remote import Remote
from andon.component_store.domain.content import digest
from andon.contracts import Forbidden, Invalid, Unavailable

Reply = tuple[int, dict[str, str], Any]


@contextmanager
def answering(*replies: Reply) -> Iterator[tuple[Remote, list[str]]]:
    """A gateway that gives these answers, the last one for ever, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, headers, body = replies[min(len(asked), len(replies)) - 1]
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *values: Any) -> None:  # noqa: A002 - its name
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        with Remote(f"http://127.0.0.1:{server.server_port}", "andon_x", first_wait=0.001) as remote:
            yield remote, asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def content(text: str) -> Reply:
    return 200, {}, {"data": {"content": text}}


BUSY: Reply = (429, {"Retry-After": "0"}, {"detail": {"detail": "too many"}})
AWAY: Reply = (503, {}, {"detail": {"detail": "away"}})


def test_a_busy_or_absent_store_is_asked_again():
    with answering(BUSY, AWAY, content("a = 1\n")) as (remote, asked):
        assert remote.fetch("model/a.py", digest(b"a = 1\n").sha256) == b"a = 1\n"
        assert len(asked) == 3


def test_a_store_that_stays_away_is_given_up():
    with answering(AWAY) as (remote, asked):
        with pytest.raises(Unavailable):
            remote.paths()
        assert 1 < len(asked) < 20


def test_a_content_that_is_not_what_its_hash_says_is_refused():
    with answering(content("a = 2\n")) as (remote, _), pytest.raises(Invalid, match="not the content"):
        remote.fetch("model/a.py", digest(b"a = 1\n").sha256)


def test_a_refusal_is_told_in_the_store_s_words_and_not_repeated():
    with answering((403, {}, {"detail": {"detail": "not permitted"}})) as (remote, asked):
        with pytest.raises(Forbidden, match="not permitted"):
            remote.paths()
        assert len(asked) == 1
    with answering((404, {}, "a proxy's page")) as (remote, _), pytest.raises(Exception, match="status 404"):
        remote.paths()
