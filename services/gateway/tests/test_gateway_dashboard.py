"""The dashboard's files: served as they were built, for its own addresses alone."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from andon.gateway import page
from andon.gateway.domain import PAGES
from andon.gateway.envelope import Envelope

DASHBOARD = Path(__file__).parent.parent / "dashboard"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A dashboard of one script."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "index.html").write_text('<meta name="style-nonce" content="__STYLE_NONCE__">')
    (tmp_path / "assets/line-abc.js").write_text("plain")
    (tmp_path / "assets/line-abc.js.br").write_bytes(b"brotli")
    (tmp_path / "assets/line-abc.js.gz").write_bytes(b"gzip")
    return tmp_path


def client_of(folder: Path) -> httpx.AsyncClient:
    app = FastAPI()
    page.mount(app, folder)
    return httpx.AsyncClient(transport=httpx.ASGITransport(Envelope(app)), base_url="http://andon")


@pytest.fixture
async def browser(built: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(built) as client:
        yield client


async def test_every_address_of_the_dashboard_is_its_page(browser):
    for path in ("/", *(f"/{name}" for name in PAGES), "/parts/a/b"):
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache"), path


async def test_no_other_address_is(browser):
    for path in ("/api/v1/nothing", "/liner", "/page/nothing.js", "/page/assets/nothing.js", "/v1/x"):
        assert (await browser.get(path)).status_code == 404, path


async def test_styles_need_a_word_that_is_new_each_time(browser):
    words = set()
    for _ in range(2):
        answer = await browser.get("/line")
        (word,) = re.findall(r'content="([\w-]{20,})"', answer.text)
        assert f"style-src 'self' 'nonce-{word}'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        words.add(word)
    assert len(words) == 2


@pytest.mark.parametrize(
    ("taken", "coding"), [("gzip, deflate, br", "br"), ("gzip;q=0.9", "gzip"), ("identity", None)]
)
async def test_files_are_kept_for_ever_and_come_compressed(browser, built, taken, coding):
    async with browser.stream(
        "GET", "/page/assets/line-abc.js", headers={"Accept-Encoding": taken}
    ) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert raw.decode() == {"br": "brotli", "gzip": "gzip", None: "plain"}[coding]
    assert answer.headers.get("content-encoding") == coding
    assert "immutable" in answer.headers["cache-control"]
    assert "javascript" in answer.headers["content-type"]


async def test_without_a_build_the_gateway_says_how_to_make_one(tmp_path):
    async with client_of(tmp_path / "none") as browser:
        answer = await browser.get("/")
        assert answer.status_code == 200
        assert "scripts/setup" in answer.text
        assert (await browser.get("/page/assets/x.js")).status_code == 404
        assert (await browser.get("/docs")).status_code == 200


def test_every_page_of_the_dashboard_has_an_address():
    folders = {each.parent.name for each in DASHBOARD.glob("src/pages/*/page.ts")}
    assert "line" in folders
    assert folders <= set(PAGES)
