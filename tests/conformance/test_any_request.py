"""Whatever is sent to any operation of the API, the answer is one that the OpenAPI document tells of."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from known_things import Names, known_things
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok
from whole_andon import Andon, signed_in, standing

from andon.gateway.app import GatewaySettings, described
from andon.testing._servers import Servers

# The services beside us draw random numbers while Hypothesis watches the generator that all threads share.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
    pytest.mark.long,
]

EXAMPLES, EXAMPLES_ELSEWHERE, MANY_EXAMPLES = 6, 3, 100
"""Requests of each kind to each operation: of the visual inspection API, of others, and with --slow."""
DOCUMENT = described(GatewaySettings())
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
SIGNED_OUT = "POST /api/v1/auth/logout"
SIGNED = {"GET /api/v1/images/{id}/{picture}", "GET /static/images/{name}"}
"""Shown to whoever has an address with a signature, which no random request has."""
LONGEST = 60_000
"""Letters of an address."""
load_all_checks()
PROMISES = [
    CHECKS.get_one(name)
    for name in (
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    )
]


def _order(operation: Any) -> tuple[bool, bool, int, str]:
    """What takes things away, or changes the ground that the others stand on, comes after them.

    What is part of a thing goes before the thing itself."""
    ground = operation.path in ("/api/v1/storage/cleanup", "/api/v1/config")
    ends = operation.method == "delete" or operation.path.endswith(("/cancel", "/stop", "/finish/{uid}"))
    return ground, ends, -operation.path.count("/") * ends, operation.path


def _ends(operation: Any) -> bool:
    """A stream has no end to wait for; the tests of each surface's live part send it what is bad."""
    responses = DOCUMENT["paths"][operation.path][operation.method]["responses"]
    return "text/event-stream" not in responses.get("200", {}).get("content", {})


OPERATIONS = {
    operation.label: operation
    for operation in sorted(
        (found.ok() for found in SCHEMA.get_all_operations() if isinstance(found, Ok)), key=_order
    )
    if _ends(operation)
}


@pytest.fixture(scope="module")
def andon(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Andon]:
    """One of its own: whoever came after would find users, stations and settings that nobody chose."""
    with standing(servers, tmp_path_factory.mktemp("any")) as andon:
        yield andon


@pytest.fixture(scope="module")
def known(andon: Andon) -> dict[str, Names]:
    with signed_in(andon) as admin:
        return known_things(andon, admin)


@pytest.fixture(scope="module")
def sessions(andon: Andon) -> Iterator[dict[bool, requests.Session]]:
    """By whether it is one to sign out with; both from before any password is guessed."""

    def session() -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        with signed_in(andon) as client:
            session.headers["Authorization"] = client.headers["Authorization"]
        return session

    with session() as lasting, session() as ending:
        yield {False: lasting, True: ending}


def names_of(operation: Any, known: dict[str, Names]) -> Names:
    """The operation's path parameters with the names of something that is there, as far as known."""
    fitting = [beginning for beginning in known if operation.path.startswith(beginning)]
    there = known[max(fitting, key=len)] if fitting else {}
    return {name: there[name] for name in _names(operation) if name in there}


def _names(operation: Any) -> list[str]:
    return [each.name for each in operation.path_parameters]


def send(andon: Andon, session: requests.Session, strategy: Any, examples: int) -> set[int]:
    """Send what the document allows, or does not allow, and look at each answer. Gives their statuses."""
    answered: set[int] = set()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
    @given(case=strategy)
    def sent(case: Any) -> None:
        answer = case.call(base_url=andon.url, session=session, timeout=30)
        assert answer.status_code != 500, answer.text
        if len(answer.request.url) > LONGEST:  # the HTTP server below us all may end it
            assert answer.status_code in (400, 414)
            return
        case.validate_response(answer, checks=PROMISES)
        answered.add(answer.status_code)

    sent()
    return answered


NOTHING_TO_FIND = {
    "GET /v1/tasks/{task_id}/record",  # no agent ever started the known task
    "DELETE /api/v1/models/{id}",  # the known version judges, and stays
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("label", OPERATIONS)
def test_any_request_is_answered_as_documented(
    label: str,
    andon: Andon,
    known: dict[str, Names],
    sessions: dict[bool, requests.Session],
    pytestconfig: pytest.Config,
):
    operation = OPERATIONS[label]
    session = sessions[label == SIGNED_OUT]
    examples = EXAMPLES if operation.path.startswith("/api/v1/") else EXAMPLES_ELSEWHERE
    if pytestconfig.getoption("--slow"):
        examples = MANY_EXAMPLES
    names = names_of(operation, known)
    answered: set[int] = set()
    anything = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    answered |= send(andon, session, anything, examples // 2 if names else examples)
    if names:
        there = operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=names)
        answered |= send(andon, session, there, examples)
    if any((operation.path_parameters, operation.query, operation.body)):
        send(andon, session, operation.as_strategy(generation_mode=GenerationMode.NEGATIVE), examples)
    if label not in SIGNED | NOTHING_TO_FIND and _needs_no_more_than(names, operation):
        assert any(status < 300 for status in answered), f"nothing was found: {answered}"


def _needs_no_more_than(names: Names, operation: Any) -> bool:
    required = any(each.is_required for each in operation.query)
    return operation.method in ("get", "delete") and not required and len(names) == len(_names(operation))
