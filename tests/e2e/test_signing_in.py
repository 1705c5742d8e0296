"""Tokens of the running product: rotation, reuse and the end of a session, all the way through."""

import httpx
import pytest

pytestmark = pytest.mark.timeout(300)

ADMIN = {"username": "admin", "password": "admin"}


@pytest.fixture
def client(product):
    with httpx.Client(base_url=f"{product.url}/api/v1", timeout=30) as client:
        yield client


def bearer(tokens):
    return {"Authorization": f"Bearer {tokens['access_token']}"}


def status(client, tokens):
    return client.get("/auth/me", headers=bearer(tokens)).status_code


def renewed(client, tokens):
    return client.post("/auth/refresh", json={"refresh_token": tokens["refresh_token"]})


def test_signing_in_gives_a_session_with_its_user(client):
    tokens = client.post("/auth/login", json=ADMIN).json()
    assert tokens["token_type"] == "bearer"
    assert tokens["user"]["roles"] == ["admin"]
    assert client.get("/auth/me", headers=bearer(tokens)).json()["username"] == "admin"


def test_a_refresh_token_is_good_once_and_its_second_use_ends_the_session(client):
    first = client.post("/auth/login", json=ADMIN).json()
    second = renewed(client, first).json()
    assert status(client, second) == 200
    assert renewed(client, first).status_code == 401
    assert renewed(client, second).status_code == 401


def test_signing_out_ends_both_tokens_at_once(client):
    tokens = client.post("/auth/login", json=ADMIN).json()
    assert client.post("/auth/logout", headers=bearer(tokens)).status_code == 200
    assert status(client, tokens) == 401
    assert renewed(client, tokens).status_code == 401
