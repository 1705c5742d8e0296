"""Accounts, guesses, keys and the chain, as tables."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from andon.auth.domain.accounts import Account, account, changed, differences, ends_sessions, fit_password
from andon.auth.domain.chain import NOTHING, Link, hash_of, walked
from andon.auth.domain.guesses import ACCOUNT, PAIR, Guesses, free_tries, network_of, one_more, wait_of
from andon.auth.domain.keys import StoredKey, resolved
from andon.contracts import BadRequest, Unauthorised
from andon.contracts.auth import ChangeUser, KeyKind, Permission, ResolveKey, Role
from andon.testing.build import NOON

from .auth_people import ROOT

ENGINEER = account(
    identity="u", username="Eve", email="eve@line", password="hash", roles=(Role.ENGINEER,), now=NOON
)


def wish(**values: Any) -> ChangeUser:
    return ChangeUser(id="u", by=ROOT, **values)


@pytest.mark.parametrize(
    ("asked", "password", "told", "ends"),
    [
        ({}, None, {}, False),
        ({"username": "Eve"}, None, {}, False),
        ({"username": "Ada"}, None, {"username": "Eve -> Ada"}, False),
        ({"clear_email": True}, None, {"email": "eve@line -> none"}, False),
        ({"roles": (Role.OPERATOR, Role.ADMIN)}, None, {"roles": "engineer -> admin+operator"}, True),
        ({"active": False}, None, {"active": "True -> False"}, True),
        ({}, "another hash", {"password": "changed"}, True),
    ],
)
def test_what_a_change_is_told_as_and_whether_it_ends_sessions(
    asked: dict[str, Any], password: str | None, told: dict[str, str], ends: bool
):
    after = changed(ENGINEER, wish(**asked), password)
    assert differences(ENGINEER, after) == told
    assert ends_sessions(ENGINEER, after) is ends
    assert after.revision == bool(told)
    assert "hash" not in str(differences(ENGINEER, after))


def test_coming_back_ends_no_sessions():
    inactive = ENGINEER.model_copy(update={"active": False})
    assert not ends_sessions(inactive, changed(inactive, wish(active=True), None))


@pytest.mark.parametrize(
    ("password", "least", "why"),
    [
        ("short", 6, "at least 6"),
        ("elevenchars", 12, "at least 12"),
        ("x", 0, "at least 6"),
        ("EVE LINE", 6, "own"),
    ],
)
def test_a_password_that_is_too_short_or_one_s_name_is_refused(password: str, least: int, why: str):
    with pytest.raises(BadRequest, match=why) as refused:
        fit_password(password, least, "eve line", None)
    assert "password" in refused.value.problem.fields
    fit_password("sixsix", 6, "eve", "eve@line")


def guessed(times: int, gap: float = 0.0) -> Guesses:
    found = None
    for number in range(times):
        found = one_more(found, "k", NOON + timedelta(seconds=number * gap), PAIR, PAIR.free)
    assert found is not None
    return found


@pytest.mark.parametrize("gap", [0.0, 0.3])
@pytest.mark.parametrize(
    ("times", "seconds"), [(1, 0), (4, 0), (5, 1), (6, 2), (7, 4), (10, 32), (13, 256), (16, 300)]
)
def test_the_wait_doubles_from_the_fifth_wrong_password_to_five_minutes(
    times: int, seconds: float, gap: float
):
    assert wait_of([guessed(times, gap)], NOON + timedelta(seconds=gap * (times - 1))) == seconds


def test_wrong_passwords_are_forgotten_one_by_one():
    slow = guessed(30, gap=PAIR.recovery)
    assert slow.count == 1
    assert guessed(5).now(NOON + timedelta(seconds=3 * PAIR.recovery), PAIR) == 2


def test_a_guesser_gets_a_guess_every_few_minutes_in_the_long_run():
    guesses, now, found = 0, NOON, None
    while now - NOON < timedelta(days=1):
        found = one_more(found, "k", now, PAIR, PAIR.free)
        guesses += 1
        now += timedelta(seconds=max(wait_of([found], now), 0.1))
    assert guesses <= PAIR.free + 20 + 86400 / PAIR.longest


def test_an_account_that_is_guessed_from_everywhere_gives_each_address_one_try():
    many = Guesses(id="a", count=ACCOUNT.free, at=NOON, until=NOON)
    assert free_tries(None, NOON) == free_tries(many.model_copy(update={"count": 9.0}), NOON) == PAIR.free
    assert free_tries(many, NOON) == 1
    assert wait_of([one_more(None, "new address", NOON, PAIR, 1)], NOON) == 1


def test_a_lock_is_never_longer_than_its_longest_whatever_was_tried():
    for limit in (PAIR, replace(PAIR, longest=7)):
        assert wait_of([one_more(guessed(1000), "k", NOON, limit, limit.free)], NOON) <= limit.longest


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("10.0.0.7", "10.0.0.7"), ("::ffff:10.0.0.7", "10.0.0.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("", ""), ("plc-4", "plc-4"),
    ],
)  # fmt: skip
def test_a_guesser_has_an_ipv4_address_or_a_network_of_ipv6(address: str, network: str):
    assert network_of(address) == network


KEY = StoredKey(
    id="k", name="press", kind=KeyKind.PAIR, scopes=(Permission.INSPECT, Permission.CONFIGURE), owner_id="u",
    access_key="andon-1", digest="0" * 64, created_at=NOON,
)  # fmt: skip
ASKED = ResolveKey(digest="0" * 64, access_key="andon-1")


def test_a_key_may_do_what_its_owner_may_still_do():
    assert resolved(KEY, ASKED, ENGINEER, NOON).permissions == (Permission.INSPECT, Permission.CONFIGURE)
    demoted = ENGINEER.model_copy(update={"roles": (Role.OPERATOR,)})
    assert resolved(KEY, ASKED, demoted, NOON).permissions == (Permission.INSPECT,)


@pytest.mark.parametrize(
    ("key", "asked", "owner"),
    [
        (None, ASKED, ENGINEER),
        (KEY.model_copy(update={"revoked_at": NOON}), ASKED, ENGINEER),
        (KEY.model_copy(update={"expires_at": NOON}), ASKED, ENGINEER),
        (KEY, ASKED.model_copy(update={"access_key": "andon-2"}), ENGINEER),
        (KEY, ASKED.model_copy(update={"access_key": None}), ENGINEER),
        (KEY, ASKED, None),
        (KEY, ASKED, ENGINEER.model_copy(update={"active": False})),
    ],
)
def test_a_key_that_is_over_or_has_nobody_is_refused(
    key: StoredKey | None, asked: ResolveKey, owner: Account | None
):
    with pytest.raises(Unauthorised):
        resolved(key, asked, owner, NOON)


def chain(length: int) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for sequence in range(1, length + 1):
        content: dict[str, Any] = {
            "sequence": sequence, "action": f"a{sequence}",
            "previous": entries[-1]["hash"] if entries else NOTHING,
        }  # fmt: skip
        entries.append({**content, "hash": hash_of(content)})
    return entries


def broken(entries: list[dict[str, Any]], known: dict[int, str] | None = None) -> tuple[int, str] | None:
    _, found = walked(entries, Link(), known or {})
    return (found.sequence, found.why) if found else None


def test_a_chain_holds_until_something_in_it_changes():
    assert broken(chain(4)) is None
    assert walked(chain(4), Link(), {})[0] == Link(4, chain(4)[3]["hash"])
    changed_one = chain(4)
    changed_one[1]["action"] = "nothing"
    assert broken(changed_one) == (2, "it was changed")
    added_to = chain(4)
    added_to[2]["note"] = "a field more"
    assert broken(added_to) == (3, "it was changed")
    assert broken(chain(4)[1:]) == (1, "it is missing")
    assert broken([*chain(4)[:2], chain(4)[3]]) == (3, "it is missing")
    swapped = chain(4)
    swapped[1]["previous"] = swapped[2]["previous"]
    assert broken(swapped) == (2, "it does not follow the one before it")


def test_a_chain_that_was_made_anew_does_not_fit_what_was_noted():
    forged = chain(4)
    forged[1]["action"] = "nothing"
    for before, entry in zip([None, *forged], forged, strict=False):
        entry["previous"] = before["hash"] if before else NOTHING
        entry["hash"] = hash_of(entry)
    assert broken(forged) is None
    assert broken(forged, {3: chain(4)[2]["hash"]}) == (3, "it is not the one that was noted")
