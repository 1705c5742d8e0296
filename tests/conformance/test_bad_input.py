"""What is sent to hurt is refused clearly, or does no harm."""

import json
import zlib
from collections.abc import Iterator
from struct import pack
from typing import Any

import httpx
import pytest
from whole_andon import MODEL, STATION, Andon, inspected, picture, signed_in

pytestmark = pytest.mark.long

CLIMBS = (
    "..%2F..%2F..%2Fetc%2Fpasswd",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "..%5C..%5Cwindows%5Cwin.ini",
    "....%2F%2Fetc%2Fpasswd",
    "%2Fetc%2Fpasswd",
    "x%00.jpg",
    "%252e%252e%252fetc%252fpasswd",
    "/etc/passwd",
    "db/andon.db",
)
OPERATORS = ("station_id[$ne]=x", "station_id[]=x", "decision[$in][]=pass", "$where=1", "a.b=1")
CLEAR = {400, 404, 413, 415, 422}


@pytest.fixture(scope="module")
def admin(andon: Andon) -> Iterator[httpx.Client]:
    with signed_in(andon) as client:
        yield client


@pytest.fixture(scope="module")
def document(admin: httpx.Client) -> dict[str, Any]:
    return admin.get("/openapi.json").json()


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [(method, path) for path, methods in document["paths"].items() for method in methods]


def lists(document: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Every method and path whose JSON body has a list, with the list's name."""

    def whole(schema: dict[str, Any]) -> dict[str, Any]:
        name = schema.get("$ref", "").rpartition("/")[2]
        return document["components"]["schemas"][name] if name else schema

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for shape in map(whole, [body.get("schema", {}), *body.get("schema", {}).get("anyOf", [])]):
                for name, schema in shape.get("properties", {}).items():
                    kinds = {each.get("type") for each in map(whole, [schema, *schema.get("anyOf", [])])}
                    if "array" in kinds:
                        yield method, path, name


def refused(answer: httpx.Response, *statuses: int) -> str:
    """The answer's reason."""
    assert answer.status_code in (statuses or CLEAR), (
        answer.request.url,
        answer.status_code,
        answer.text[:300],
    )
    return answer.json()["detail"]


def sent(client: httpx.Client, data: bytes, name: str = "part.jpg", **fields: str) -> httpx.Response:
    files = {"file": (name, data, "image/jpeg")}
    return client.post("/api/v1/inspect", files=files, data={"station_id": STATION} | fields)


def test_no_path_leads_out_of_its_place(admin: httpx.Client, operations: list[tuple[str, str]]):
    tried = [
        (method, path.split("{")[0] + climb) for method, path in operations if "{" in path for climb in CLIMBS
    ]
    assert len(tried) > 500
    for method, path in tried:
        body = {} if method in ("post", "put") else None
        answer = admin.request(method, path, json=body, follow_redirects=True)
        assert answer.status_code in CLEAR | {405}, (method, path, answer.status_code, answer.text[:300])
        assert b"root:" not in answer.content


@pytest.mark.parametrize(
    "folder", ["/page/", "/docs-files/", "/static/", "/static/images/", "/api/v1/images/", "/"]
)
def test_no_file_is_read_by_who_has_no_token(andon: Andon, folder: str):
    with httpx.Client(base_url=andon.url) as stranger:
        for climb in CLIMBS:
            refused(stranger.get(folder + climb), 400, 401, 404)


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "/etc/passwd", "a\\..\\b.jpg", "x.php", "a" * 300, "é\u202egpj"]
)
def test_a_file_s_name_decides_nothing(admin: httpx.Client, name: str):
    answer = sent(admin, picture(), name)
    assert answer.status_code == 200, answer.text
    assert answer.json()["image_url"].startswith(f"/static/images/{answer.json()['id']}.jpg?")


@pytest.mark.parametrize("query", OPERATORS)
@pytest.mark.parametrize(
    "path", ["/api/v1/inspections", "/api/v1/statistics", "/api/v1/alerts", "/api/v1/models"]
)
def test_operators_in_parameters_are_refused(admin: httpx.Client, path: str, query: str):
    assert query.split("=", maxsplit=1)[0] in refused(admin.get(f"{path}?{query}"), 400)


def test_operators_as_values_are_text_like_any_other(admin: httpx.Client):
    inspected(admin, picture())
    for value in ('{"$ne": null}', "$ne", "[$gt]", "'; return true; //", "' OR 1=1 --"):
        answer = admin.get("/api/v1/inspections", params={"station_id": value})
        assert answer.status_code == 400 or answer.json()["total"] == 0, value
        answer = admin.get("/api/v1/statistics", params={"station_id": value})
        assert answer.status_code == 400 or answer.json()["total_inspections"] == 0, value


BODIES = [
    ("POST", "/api/v1/auth/login", ("username", "password")),
    ("POST", "/api/v1/auth/refresh", ("refresh_token",)),
    ("POST", "/api/v1/auth/logout", ("refresh_token",)),
    ("PUT", f"/api/v1/stations/{STATION}", ("name", "line", "mode")),
    ("POST", "/api/v1/users", ("username", "password", "email")),
    ("PUT", "/api/v1/users/me", ("email",)),
    ("PUT", "/api/v1/users/me/password", ("current_password", "new_password")),
    ("POST", "/api/v1/batch/jobs", ("name", "input_dir", "file_pattern")),
    ("POST", "/api/v1/keys", ("name",)),
]
"""Where text is due."""


@pytest.mark.parametrize(("method", "path", "fields"), BODIES)
def test_objects_where_text_is_due_are_refused(
    admin: httpx.Client, method: str, path: str, fields: tuple[str, ...]
):
    for value in ({"$ne": None}, {"$gt": ""}, ["x"], 7, True):
        body = dict.fromkeys(fields, value)
        detail = refused(admin.request(method, path, json=body), 400)
        assert any(field in detail for field in fields), detail


@pytest.mark.parametrize(
    ("method", "path", "fields"),
    [body for body in BODIES if not body[1].endswith("logout")],  # whose body may be left out
)
@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"username": "\\ud800", "password": "\\ud800", "name": "\\udfff", "email": "\\ud800"}',
        b"\xff\xfe{",
        b"1" * 10_000,
        b'{"name": NaN, "username": Infinity}',
        b'"text"',
        b"null",
    ],
    ids=["deep list", "deep object", "half a letter", "no UTF-8", "long number", "NaN", "text", "null"],
)
def test_what_is_hardly_json_is_refused(
    admin: httpx.Client, method: str, path: str, fields: object, raw: bytes
):
    answer = admin.request(method, path, content=raw, headers={"Content-Type": "application/json"})
    refused(answer, 400, 413, 422)


MANY = 10_000


def test_ten_thousand_elements_are_refused(admin: httpx.Client, document: dict[str, Any]):
    tried = [(*each, element) for each in lists(document) for element in ("operator", STATION, {"path": "x"})]
    assert len(tried) >= 30
    for method, path, name, element in tried:
        place = path.replace("{id}", MODEL).replace("{", "").replace("}", "")
        answer = admin.request(method, place, json={name: [element] * MANY})
        assert answer.status_code in CLEAR, (method, path, name, answer.status_code, answer.text[:300])
        assert name in answer.text, (method, path, answer.text[:300])
        assert len(answer.text) < 3000


def test_ten_thousand_fields_are_refused_in_few_words(admin: httpx.Client):
    many = {f"field{number}": "x" for number in range(MANY)}
    assert len(refused(admin.put(f"/api/v1/stations/{STATION}", json=many), 400)) < 2000
    query = "&".join(f"station_id={number}" for number in range(2000))
    assert admin.get(f"/api/v1/inspections?{query}").status_code in (200, 400)


def polyglots() -> dict[str, bytes]:
    script, jpeg = b"<html><script>alert(1)</script></html>", picture()
    return {
        "a page before the image": script + jpeg,
        "a document before the image": b"%PDF-1.7\n" + jpeg,
        "an archive before the image": b"PK\x03\x04" + jpeg,
        "a drawing": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "a page that begins like a bitmap": b"BM<script>alert(1)</script>" + bytes(40),
        "an animation": b"GIF89a/*" + bytes(20) + b"*/=1;alert(1)",
        "a page that begins like a photograph": b"\xff\xd8\xff\xe0" + script,
        "a page that begins like a PNG": b"\x89PNG\r\n\x1a\n" + script,
        "half a photograph": jpeg[: len(jpeg) // 2],
    }


@pytest.mark.parametrize("what", polyglots())
def test_what_only_looks_like_an_image_is_refused(admin: httpx.Client, what: str):
    assert refused(sent(admin, polyglots()[what]), 415, 422)


def test_an_image_with_a_page_behind_it_is_shown_as_an_image_alone(admin: httpx.Client):
    found = sent(admin, picture(form="png") + b"<html><script>alert(1)</script></html>", "x.html").json()
    shown = admin.get(found["image_url"])
    assert shown.headers["content-type"] == "image/png"
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert "script-src 'self'" in shown.headers["content-security-policy"]


def bomb(side: int) -> bytes:
    """A PNG of side x side black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes(side * 3 + 1) * 64, 9)
    header = pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def test_an_image_that_would_fill_the_memory_is_refused(admin: httpx.Client):
    refused(sent(admin, bomb(50_000)), 413, 422)


@pytest.mark.parametrize("value", ["", "x" * 129, "two\nlines", "nul\x00", "../up", "{$ne}"])
def test_a_station_of_no_good_name_is_refused(admin: httpx.Client, value: str):
    answer = sent(admin, picture(), station_id=value)
    if value:
        assert "station_id" in refused(answer, 400)
    else:
        assert answer.status_code in (404, 422, 503)  # no name is the default station, which has no model


def test_a_body_of_another_kind_is_refused(admin: httpx.Client):
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = admin.post(
            "/api/v1/auth/login", content=json.dumps({"username": "a"}), headers={"Content-Type": kind}
        )
        refused(answer, 400, 415)
