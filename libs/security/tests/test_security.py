"""Tokens are believed only when everything about them is right."""

import base64
import json
import time

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from andon.contracts import Unauthorised
from andon.contracts.auth import Actor, Kind, Role, User
from andon.security import (
    PERMISSIONS,
    Credential,
    PasswordCost,
    Permission,
    Principal,
    Sealer,
    Signer,
    Verifier,
    basic_pair,
    credential_in,
    digest_of,
    hash_password,
    is_sealed,
    needs_rehash,
    new_access_key,
    new_key,
    new_private_key,
    new_secret_key,
    verify_password,
)
from andon.testing.build import NOON

CHEAP = PasswordCost(passes=1, memory_kib=8)
EVE = User(id="u1", username="eve", roles=(Role.ENGINEER,), created_at=NOON)


@pytest.fixture
def private_key() -> str:
    return new_private_key()


@pytest.fixture
def signer(private_key: str) -> Signer:
    return Signer(private_key)


@pytest.fixture
def verifier(signer: Signer) -> Verifier:
    return Verifier({"keys": [signer.public]})


def test_a_good_token_names_who_it_is(signer: Signer, verifier: Verifier):
    token = signer.sign(EVE, "s1")
    principal = verifier.verify(token)
    assert principal == Principal(id="u1", username="eve", roles=(Role.ENGINEER,), session_id="s1")
    assert verifier.verify(token) == principal
    assert principal.permissions == {"inspect", "view_history", "configure"}


def test_no_two_tokens_are_alike(signer: Signer):
    assert signer.sign(EVE, "s1") != signer.sign(EVE, "s1")


@pytest.mark.parametrize(
    ("role", "permissions"),
    [
        (Role.ADMIN, {"inspect", "view_history", "configure", "manage_users"}),
        (Role.ENGINEER, {"inspect", "view_history", "configure"}),
        (Role.OPERATOR, {"inspect", "view_history"}),
    ],
)
def test_roles_carry_their_permissions(role: Role, permissions: set[str]):
    assert PERMISSIONS[role] == permissions
    assert Permission.MANAGE_USERS not in Principal("1", "x", (Role.ENGINEER, Role.OPERATOR), "s").permissions


def test_a_token_of_an_ended_session_is_refused_though_it_was_seen(signer: Signer, verifier: Verifier):
    token, other = signer.sign(EVE, "s1"), signer.sign(EVE, "s2")
    verifier.verify(token)
    verifier.revoke("s1")
    with pytest.raises(Unauthorised, match="ended"):
        verifier.verify(token)
    assert verifier.verify(other).session_id == "s2"


def test_a_token_expires_after_the_leeway_though_it_was_seen(private_key: str):
    now = [1_000_000.0]
    signer = Signer(private_key, lifetime=60, clock=lambda: now[0])
    verifier = Verifier({"keys": [signer.public]}, leeway=5, clock=lambda: now[0])
    token = signer.sign(EVE, "s1")
    now[0] += 64
    verifier.verify(token)
    now[0] += 2
    for _ in range(2):
        with pytest.raises(Unauthorised, match="expired"):
            verifier.verify(token)


def test_keys_rotate_by_their_id(signer: Signer, verifier: Verifier):
    newer = Signer(new_private_key())
    old, new = signer.sign(EVE, "s1"), newer.sign(EVE, "s2")
    with pytest.raises(Unauthorised, match="unknown key"):
        verifier.verify(new)
    verifier.revoke("s0")
    verifier.learn({"keys": [signer.public, newer.public]})
    assert verifier.verify(old).session_id == "s1"
    assert verifier.verify(new).session_id == "s2"
    verifier.learn({"keys": [newer.public]})
    with pytest.raises(Unauthorised, match="unknown key"):
        verifier.verify(old)
    with pytest.raises(Unauthorised, match="ended"):
        verifier.verify(newer.sign(EVE, "s0"))


def _claims(**changes: object) -> dict[str, object]:
    now = int(time.time())
    good = {"iss": "andon", "aud": "andon", "sub": "u1", "sid": "s1", "jti": "j", "username": "eve",
            "roles": ["admin"], "iat": now, "exp": now + 60}  # fmt: skip
    return {name: value for name, value in (good | changes).items() if value is not None}


@pytest.mark.parametrize(
    "claims",
    [
        _claims(iss="other"),
        _claims(aud="other"),
        _claims(exp=None),
        _claims(sid=None),
        _claims(sub=7),
        _claims(jti=None),
    ],
)
def test_a_well_signed_token_with_wrong_claims_is_refused(
    private_key: str, signer: Signer, verifier: Verifier, claims: dict[str, object]
):
    key = load_pem_private_key(private_key.encode(), None)
    assert isinstance(key, Ed25519PrivateKey)
    token = jwt.encode(claims, key, algorithm="EdDSA", headers={"kid": signer.kid})
    with pytest.raises(Unauthorised):
        verifier.verify(token)


def _segment(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def test_forged_tokens_are_refused(signer: Signer, verifier: Verifier):
    head, body, signature = signer.sign(EVE, "s1").split(".")
    public = signer.public["x"]
    forged = [
        "", "x", "a.b.c", f"{head}.{body}.", f"{head}.{_segment(_claims())}.{signature}",
        f"{_segment({'alg': 'none', 'kid': signer.kid})}.{body}.",
        f"{_segment({'alg': 'EdDSA', 'kid': 7})}.{body}.{signature}",
        f"{_segment({'alg': 'EdDSA'})}.{body}.{signature}",
        jwt.encode(_claims(), public, algorithm="HS256", headers={"kid": signer.kid}),
    ]  # fmt: skip
    for token in forged:
        with pytest.raises(Unauthorised):
            verifier.verify(token)


def test_the_public_half_is_all_that_is_published(signer: Signer):
    assert set(signer.public) == {"crv", "kty", "x", "kid", "alg", "use"}


def test_only_ed25519_keys_sign():
    with pytest.raises(ValueError, match=r".*"):
        Signer("no key")


def test_passwords_are_recognised_by_their_hash_alone():
    hashed = hash_password("Grüße 🔑", CHEAP)
    assert verify_password("Grüße 🔑", hashed)
    assert not verify_password("grüße 🔑", hashed)
    assert not verify_password("x", "no hash")
    assert hashed != hash_password("Grüße 🔑", CHEAP)


def test_a_hash_of_another_cost_wants_renewal():
    hashed = hash_password("x", CHEAP)
    assert not needs_rehash(hashed, CHEAP)
    assert needs_rehash(hashed, PasswordCost())


def test_a_key_is_recognised_by_its_form_alone():
    key, pair = new_key(), f"{new_access_key()}:{new_secret_key()}"
    assert credential_in(key) == Credential(digest_of(key))
    access, _, secret = pair.partition(":")
    assert credential_in(pair) == Credential(digest_of(secret), access)
    for text in ("", "andon_", "andon_short", key + "x", f"admin:{secret}", f"{access}:pw", access, secret):
        assert credential_in(text) is None
    assert len({new_key() for _ in range(50)}) == 50


@pytest.mark.parametrize(
    ("encoded", "pair"), [("YTpi", "a:b"), ("w7w6Yg==", "ü:b"), ("not base64", ""), ("/w==", ""), ("", "")]
)
def test_a_basic_header_is_read_or_it_is_nothing(encoded: str, pair: str):
    assert basic_pair(encoded) == pair


def test_a_sealed_text_opens_with_its_secret_and_for_what_it_is_about():
    sealed = Sealer("one secret").seal("the key", "k1")
    assert is_sealed(sealed)
    assert "the key" not in sealed
    assert sealed != Sealer("one secret").seal("the key", "k1")
    assert Sealer("one secret").open(sealed, "k1") == "the key"
    *front, content = sealed.split(".")
    flipped = ".".join((*front, ("B" if content[0] == "A" else "A") + content[1:]))
    for secret, text, about in (
        ("another", sealed, "k1"), ("one secret", sealed, "k2"), ("one secret", flipped, "k1"),
        ("one secret", "sealed.v2" + sealed[9:], "k1"), ("one secret", "sealed.v1.x", "k1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="can't be opened"):
            Sealer(secret).open(text, about)


def test_a_key_may_do_what_its_scopes_say_and_a_user_what_the_roles_say():
    scopes = frozenset({Permission.INSPECT})
    key = Principal(id="k1", username="press 4", roles=(), session_id="k1", kind=Kind.KEY, scopes=scopes)
    assert key.permissions == scopes
    assert key.actor == Actor(id="k1", name="press 4", kind=Kind.KEY)
    assert Principal("u", "eve", (Role.OPERATOR,), "s").permissions == {"inspect", "view_history"}
    assert Principal("u", "eve", (Role.ADMIN,), "s", scopes=frozenset()).permissions == set()
