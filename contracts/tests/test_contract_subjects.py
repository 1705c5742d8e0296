"""The catalogue of subjects keeps its own rules."""

import re
from typing import Any

import pytest

from andon.contracts import CONTEXTS, INTEGRATIONS, SERVICES, SUBJECTS, Command, Event, Subject, stream_of

PARTIES = {*SERVICES, INTEGRATIONS}
NAME = re.compile(r"[a-z]+(\.[a-z]+(-[a-z]+)*){2}\.v[1-9]\d*")


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.address)
def test_a_subject_has_a_sayer_a_hearer_a_reason_and_a_proper_name(subject: Subject[Any]):
    assert subject.said_by
    assert subject.heard_by
    assert {*subject.said_by, *subject.heard_by} <= PARTIES
    assert NAME.fullmatch(subject.address)
    assert subject.why.endswith(".")
    assert subject.context in {module.__name__.rpartition(".")[2] for module in CONTEXTS}


def test_an_address_is_used_once():
    addresses = [subject.address for subject in SUBJECTS]
    assert len(set(addresses)) == len(addresses)


def test_a_command_has_one_hearer():
    assert all(len(subject.heard_by) == 1 for subject in SUBJECTS if isinstance(subject, Command))


def test_every_service_takes_part():
    assert {party for subject in SUBJECTS for party in (*subject.said_by, *subject.heard_by)} == PARTIES


def test_events_and_commands_never_share_a_stream():
    events = {stream_of(subject) for subject in SUBJECTS if isinstance(subject, Event)}
    assert not events & {stream_of(subject) for subject in SUBJECTS if isinstance(subject, Command)}
