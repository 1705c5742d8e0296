"""Whatever is sent to the ML worker API in whatever order, it answers as its document says."""

import asyncio
from collections import Counter
from copy import deepcopy
from functools import cache
from itertools import count
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from andon.gateway.app import GatewaySettings, described

# The services beside us draw random numbers while Hypothesis watches the generator that all threads share.
pytestmark = [
    pytest.mark.long,
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
    pytest.mark.timeout(120),
]

load_all_checks()
ALWAYS = [
    CHECKS.get_one(name)
    for name in (
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "response_headers_conformance",
    )
]
PROMISES = [*ALWAYS, CHECKS.get_one("use_after_free"), CHECKS.get_one("ensure_resource_availability")]
PROFILE = settings(
    max_examples=4,
    stateful_step_count=8,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
FAMILIES = {
    "tasks": ("/v1/tasks", "task_id"),
    "experiments": ("/v1/experiments", "experiment_id"),
    "services": ("/v1/jupyter/services", "service_id"),
}
"""By name: where they are, and what the parameter is called that takes the id of one of them."""


@pytest.mark.parametrize("family", FAMILIES)
async def test_any_order_of_requests_keeps_the_promises(family: str, api: Any, client: httpx.AsyncClient):
    root, parameter = FAMILIES[family]
    schema = schemathesis.openapi.from_dict(_document(root, parameter))
    sent: Counter[str] = Counter()
    numbers = count()

    class Client(schema.as_state_machine()):  # type: ignore[misc]
        def setup(self) -> None:
            self.session = _session(client)
            name = f"n{next(numbers)}"
            made = self.session.post(api.url + root, json={"name": name, "job_name": name}, timeout=15)
            assert made.status_code == 201, made.text
            self.made = made.json()["id"]

        def before_call(self, case: Any) -> None:
            """What is changed is there, the first time; else most ids would be made up."""
            if case.operation.method in ("delete", "patch"):
                case.path_parameters[parameter] = self.made

        def teardown(self) -> None:
            self.session.close()

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:  # noqa: ARG002 - the parent's name
            return {"session": self.session, "base_url": api.url, "timeout": 15}

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            sent[f"{case.operation.method.upper()} {response.status_code}"] += 1
            case.validate_response(response, checks=PROMISES)

    await asyncio.to_thread(run_state_machine_as_test, Client, settings=PROFILE)
    assert sent["GET 200"]
    assert sent["DELETE 204"] or family == "experiments", sent
    assert not sent["PATCH 404"]
    assert sent.total() >= 25


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
async def test_any_body_is_answered_as_documented(mode: GenerationMode, api: Any, client: httpx.AsyncClient):
    sent: Counter[str] = Counter()

    def send_any(operation: Any, session: requests.Session) -> None:
        @PROFILE
        @given(case=operation.as_strategy(generation_mode=mode))
        def send(case: Any) -> None:
            answer = case.call_and_validate(
                base_url=api.url, session=session, timeout=15, checks=PROMISES[:5]
            )
            sent[f"{operation.label} {answer.status_code}"] += 1

        send()

    def send_all() -> None:
        schema = schemathesis.openapi.from_dict(_document("/v1/"))
        with _session(client) as session:
            for operation in (found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)):
                if operation.body:
                    send_any(operation, session)

    await asyncio.to_thread(send_all)
    made = [label for label in sent if label.endswith("201")]
    assert bool(made) == (mode is GenerationMode.POSITIVE), sent


def _session(client: httpx.AsyncClient) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers["X-API-Key"] = client.headers["x-api-key"]
    return session


@cache
def _whole() -> dict[str, Any]:
    return described(GatewaySettings())


def _document(root: str, parameter: str = "") -> dict[str, Any]:
    """What is below `root`, with links from what was made to what can be done with it."""
    document = deepcopy(_whole())
    paths = {path: each for path, each in document["paths"].items() if path.startswith(root)}
    if parameter:
        target = {"parameters": {parameter: "$response.body#/id"}}
        paths[root]["post"]["responses"]["201"]["links"] = {
            operation["operationId"]: {"operationId": operation["operationId"], **target}
            for path, methods in paths.items()
            for operation in methods.values()
            if f"{{{parameter}}}" in path
        }
    for operation in (each for methods in paths.values() for each in methods.values()):
        del operation["security"]  # or half of the requests would bring a made-up key
    return {**document, "paths": paths}
