"""The ML worker API keeps its contract: every operation, field, limit, default and status of it."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
import yaml
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from ml_worker_api import Api, Worker
from ml_worker_contract import FILTERS, OPERATIONS, OURS, SCHEMAS, SERVICE_PATH, TASK_PATH, Shape, schema_of

from andon.contracts.queue import Progress, Stage
from andon.gateway.app import GatewaySettings, described

WRITTEN = Path(__file__).parents[3] / "shared/surfaces/ml-worker-api.openapi.yaml"
"""The contract itself, which is not a part of Andon."""
CHECKER = FormatChecker([])


@CHECKER.checks("date-time", raises=ValueError)
def _is_time(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


@CHECKER.checks("uri", raises=ValueError)
def _is_address(text: object) -> bool:
    return not isinstance(text, str) or bool(urlsplit(text).scheme and urlsplit(text).netloc)


def fits(answer: httpx.Response, shape: Shape) -> Any:
    body = answer.json()
    Draft202012Validator(shape, format_checker=CHECKER).validate(body)
    return body


def test_what_does_not_fit_the_contract_is_found():
    for shape, body in (
        (SCHEMAS["Task"], {"status": "done"}),
        (SCHEMAS["Task"], {"created_at": "2026-11-21 10:00"}),
        (SCHEMAS["Task"], {"worker_id": None}),
        (SCHEMAS["JupyterService"], {"url": "lab"}),
        (SCHEMAS["ErrorResponse"], {"error": "x", "code": "NOT_FOUND"}),
    ):
        with pytest.raises(ValidationError):
            fits(httpx.Response(200, json=body), shape)


def test_the_expectation_is_the_written_contract():
    if not WRITTEN.exists():
        pytest.skip("the written contract is not here: only the expectation put together by hand is walked")
    contract = yaml.safe_load(WRITTEN.read_text())
    shapes = contract["components"]["schemas"]
    assert {name: _plain(shape, contract) for name, shape in shapes.items()} == SCHEMAS
    told: dict[tuple[str, str], Any] = {}
    for path, methods in contract["paths"].items():
        for method in methods.keys() & {"get", "post", "delete"}:
            body, answers = methods[method].get("requestBody"), methods[method]["responses"]
            told[method, path] = (
                _plain(body, contract)["content"]["application/json"]["schema"] if body else None,
                {int(status): _content(_plain(answer, contract)) for status, answer in answers.items()},
            )
    assert told.pop(("get", "/ws"))  # test_ml_worker_live.py has it
    assert told == {
        operation: (
            SCHEMAS[body] if body else None,
            {status: None if answer is None else schema_of(answer) for status, answer in answers.items()},
        )
        for operation, (body, answers) in OPERATIONS.items()
    }
    parameters = contract["paths"]["/v1/tasks"]["get"]["parameters"]
    assert {each["name"]: each["schema"] for each in parameters} == FILTERS


def _plain(part: Any, contract: Any) -> Any:
    """Without references and descriptions."""
    if isinstance(part, list):
        return [_plain(each, contract) for each in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        found = contract
        for step in part["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _plain(found, contract)
    words = {name: each for name, each in part.items() if name != "description" or isinstance(each, dict)}
    return {name: _plain(each, contract) for name, each in words.items()}


def _content(answer: Any) -> Any:
    return answer["content"]["application/json"]["schema"] if "content" in answer else None


def _ours(shape: Any, document: Any) -> Any:
    """Without references, and of what may be left out, what it is when it is there."""
    while "$ref" in shape or "anyOf" in shape:
        if "$ref" in shape:
            name = shape["$ref"].rpartition("/")[2]
            shape = document["components"]["schemas"][name] | {"name": name}
        else:
            (inner,) = [each for each in shape["anyOf"] if each.get("type") != "null"]
            shape = inner | {name: each for name, each in shape.items() if name == "default"}
    return shape


def _holds(theirs: Shape, ours: Any, document: Any, *, sent: bool) -> None:
    """`sent`: clients send it, so that it may not ask for more."""
    ours = _ours(ours, document)
    assert theirs["type"] == ours["type"], (theirs, ours)
    for limit in ("minimum", "maximum", "maxLength", "pattern", "default"):
        if sent and limit in theirs:
            assert ours.get(limit) == theirs[limit], (theirs, ours)
    if "enum" in theirs:
        assert set(ours["enum"]) <= set(theirs["enum"])
    for name, field in theirs.get("properties", {}).items():
        _holds(field, ours["properties"][name], document, sent=sent)
    if sent and theirs["type"] == "object":
        assert ours.get("required", []) == theirs.get("required", []), ours
    if "items" in theirs:
        _holds(theirs["items"], ours["items"], document, sent=sent)
    if "additionalProperties" in theirs:
        _holds(theirs["additionalProperties"], ours["additionalProperties"], document, sent=sent)


@pytest.fixture(scope="module")
def document() -> Any:
    return described(GatewaySettings())


def _in(document: Any, path: str) -> Any:
    return document["paths"][path.replace("{taskId}", "{task_id}").replace("{serviceId}", "{service_id}")]


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_gateway_s_document_has_the_contract_in_it(method: str, path: str, document: Any):
    body, answers = OPERATIONS[method, path]
    ours = _in(document, path)[method]
    for status, answer in answers.items():
        told = ours["responses"][str(status)]
        if answer is not None:
            schema = told["content"]["application/json"]["schema"]
            _holds(schema_of(answer), schema, document, sent=False)
            assert _ours(schema, document).get("name") in {OURS.get(answer or "ErrorResponse"), None}
    if body:
        schema = ours["requestBody"]["content"]["application/json"]["schema"]
        assert ours["requestBody"]["required"]
        _holds(SCHEMAS[body], schema, document, sent=True)


def test_filters_are_documented_with_their_limits(document: Any):
    ours = {each["name"]: each["schema"] for each in _in(document, "/v1/tasks")["get"]["parameters"]}
    assert set(FILTERS["status"]["enum"]) <= set(_ours(ours["status"], document)["enum"])
    for name in ("limit", "offset"):
        assert {key: ours[name].get(key) for key in FILTERS[name]} == FILTERS[name]


def test_every_refusal_is_documented_in_the_same_words(document: Any):
    ours = [each for path, each in document["paths"].items() if path.startswith("/v1/")]
    for operation in (each for methods in ours for each in methods.values()):
        assert {"401", "403", "429", "503"} <= set(operation["responses"])
        for status, response in operation["responses"].items():
            if status >= "400":
                schema = response["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/CodedError"}


BODIES: dict[str, Any] = {
    "/v1/tasks": {
        "job_name": "Night_shift-7", "priority": 10, "args": "--epochs 3", "snapshot_id": "s-1",
        "datasets": ["caps"],
        "dataset_specs": [{"name": "l", "source": "l/1", "sha256": "ab" * 32, "mount_path": "l"}],
        "cpu": 1, "memory_gb": 1, "gpu": 0, "metadata": {"ticket": "A-7"},
    },
    "/v1/experiments": {"name": "Caps", "description": "d"},
    "/v1/jupyter/services": {"name": "lab", "workspace": "w", "image": "jupyter/pytorch:latest"},
}  # fmt: skip


class Walk:
    """Brings about what each status of an operation is for."""

    def __init__(
        self, good: httpx.AsyncClient, stranger: httpx.AsyncClient, limited: httpx.AsyncClient
    ) -> None:
        self.good, self.stranger, self.limited = good, stranger, limited

    async def to(self, method: str, path: str, status: int) -> httpx.Response:
        body: Any = {"json": BODIES[path]} if method == "post" else {}
        client = self.good
        if "{" in path:
            path = await self._there(path) if status in (200, 204) else path.replace("{taskId}", "none")
        match status:
            case 400:
                body = {"content": "{"} if method == "post" else {"params": {"limit": "x"}}
            case 422:
                body = {"json": {"job_name": "two words"}}
            case 401:
                client = self.stranger
            case 429:
                client = self.limited
        answer = await client.request(method, path, **body)
        if status == 429 and answer.status_code != 429:  # a minute may begin in between
            return await self.to(method, path, status)
        return answer

    async def _there(self, path: str) -> str:
        root = path.rpartition("/")[0]
        made = (await self.good.post(root, json=BODIES[root] | {"job_name": "other"})).json()
        return f"{root}/{made['id']}"


@pytest_asyncio.fixture(loop_scope="module")
async def walk(api: Api, client: httpx.AsyncClient) -> AsyncIterator[Walk]:
    _, slow = await api.key(rate_per_minute=1)
    async with api.client(slow) as limited, api.client() as stranger:
        yield Walk(client, stranger, limited)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_every_answer_of_the_contract_is_given(method: str, path: str, walk: Walk):
    for status, expected in OPERATIONS[method, path][1].items():
        answer = await walk.to(method, path, status)
        assert answer.status_code == status, answer.text
        if expected is None:
            assert answer.content == b""
        else:
            body = fits(answer, schema_of(expected))
            if isinstance(body, dict) and "error" not in body:
                assert set(body) >= FOR_CERTAIN.get(expected, set())
        if status == 429:
            assert 1 <= int(answer.headers["retry-after"]) <= 60


FOR_CERTAIN = {
    "HealthResponse": {"status", "version", "timestamp"},
    "Task": {*SCHEMAS["Task"]["properties"]} - {"started_at", "ended_at", "worker_id", "error", "output"},
    "TaskList": {"tasks", "total", "limit", "offset"},
    "QueueStats": {"queued", "running", "completed", "failed", "workers"},
    "Experiment": {"id", "name", "created_at", "status"},
    "JupyterService": {"id", "name", "status", "token", "created_at"},
}
"""What a client may count on for a task that has just been submitted with all there is, and so on."""


async def test_a_task_and_a_service_fit_at_every_step_of_their_lives(
    client: httpx.AsyncClient, worker: Worker
):
    task = (await client.post("/v1/tasks", json={"job_name": "t"})).json()
    service = (await client.post("/v1/jupyter/services", json={"name": "lab"})).json()
    for made, path, look in (
        (task, TASK_PATH.replace("{taskId}", task["id"]), _whole),
        (service, SERVICE_PATH.rpartition("/")[0], _only),
    ):
        grants = {each.job.id: each for each in await worker.lease(1)}
        grant = grants[made["id"]]
        shape = SCHEMAS["Task"] if look is _whole else schema_of("[JupyterService]")
        seen = [look(fits(await client.get(path), shape))]
        url = Progress(message="http://127.0.0.1:8888/lab")
        for stage, more in (
            (Stage.PREPARING, {}),
            (Stage.RUNNING, {"progress": url}),
            (Stage.COLLECTING, {}),
            (Stage.FAILED, {"exit_code": 1, "message": "exit code 1"}),
        ):
            await worker.report(grant, stage, **more)
            seen.append(look(fits(await client.get(path), shape)))
        assert [each["status"] for each in seen] == WAYS[look], seen
        assert "exit code 1" in seen[-1]["error"]


def _whole(body: Any) -> Any:
    return body


def _only(body: Any) -> Any:
    (service,) = body
    assert ("url" in service) == (service["status"] == "running")
    return service


WAYS: dict[Callable[[Any], Any], list[str]] = {
    _whole: ["preparing", "preparing", "running", "collecting", "failed"],
    _only: ["starting", "starting", "running", "stopping", "error"],
}
