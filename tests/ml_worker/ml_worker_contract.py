"""What clients of the ML worker API rely on, as JSON Schemas put together by hand."""

from collections.abc import Mapping
from typing import Any

Shape = dict[str, Any]

TEXT: Shape = {"type": "string"}
TIME: Shape = {"type": "string", "format": "date-time"}
ADDRESS: Shape = {"type": "string", "format": "uri"}
WHOLE: Shape = {"type": "integer"}
PRIORITY: Shape = {"type": "integer", "minimum": 1, "maximum": 10, "default": 5}
JOB_NAME: Shape = {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$", "maxLength": 64}


def words(text: str) -> Shape:
    return {"type": "string", "enum": text.split()}


def many(shape: Shape) -> Shape:
    return {"type": "array", "items": shape}


def thing(*required: str, **fields: Shape) -> Shape:
    shape: Shape = {"type": "object", "properties": fields}
    return {**shape, "required": [*required]} if required else shape


DATASET_SPEC = thing(name=TEXT, source=TEXT, sha256=TEXT, mount_path=TEXT)
TASK = thing(
    id=TEXT, job_name=JOB_NAME, status=words("queued preparing running collecting completed failed"),
    priority=PRIORITY, created_at=TIME, started_at=TIME, ended_at=TIME, worker_id=TEXT, error=TEXT,
    output=TEXT, snapshot_id=TEXT, datasets=many(TEXT), cpu=WHOLE, memory_gb=WHOLE, gpu=WHOLE, user_id=TEXT,
    retry_count=WHOLE, max_retries=WHOLE,
)  # fmt: skip
EXPERIMENT = thing(
    id=TEXT, name=TEXT, commit_id=TEXT, created_at=TIME, status=words("active archived deleted")
)
SERVICE = thing(
    id=TEXT, name=TEXT, status=words("starting running stopping stopped error"), url=ADDRESS, token=TEXT,
    created_at=TIME,
)  # fmt: skip
SCHEMAS: Mapping[str, Shape] = {
    "HealthResponse": thing(status=words("healthy degraded unhealthy"), version=TEXT, timestamp=TIME),
    "Task": TASK,
    "TaskList": thing(tasks=many(TASK), total=WHOLE, limit=WHOLE, offset=WHOLE),
    "QueueStats": thing(queued=WHOLE, running=WHOLE, completed=WHOLE, failed=WHOLE, workers=WHOLE),
    "Experiment": EXPERIMENT,
    "JupyterService": SERVICE,
    "ErrorResponse": thing(
        "error", "code", "trace_id",
        error=TEXT, trace_id=TEXT,
        code=words(
            "BAD_REQUEST UNAUTHORIZED FORBIDDEN NOT_FOUND CONFLICT RATE_LIMITED INTERNAL_ERROR"
            " SERVICE_UNAVAILABLE VALIDATION_ERROR"
        ),
    ),
    "DatasetSpec": DATASET_SPEC,
    "CreateTaskRequest": thing(
        "job_name",
        job_name=JOB_NAME, priority=PRIORITY, args=TEXT, snapshot_id=TEXT, datasets=many(TEXT),
        dataset_specs=many(DATASET_SPEC), cpu=WHOLE, memory_gb=WHOLE, gpu=WHOLE,
        metadata={"type": "object", "additionalProperties": TEXT},
    ),
    "CreateExperimentRequest": thing("name", name={**TEXT, "maxLength": 128}, description=TEXT),
    "StartJupyterRequest": thing(
        "name", name=TEXT, workspace=TEXT, image={**TEXT, "default": "jupyter/pytorch:latest"}
    ),
}  # fmt: skip

OURS: Mapping[str, str] = {
    "HealthResponse": "HealthView",
    "Task": "TaskView",
    "TaskList": "TaskListView",
    "QueueStats": "QueueStatsView",
    "Experiment": "TaskExperimentView",
    "JupyterService": "NotebookView",
    "ErrorResponse": "CodedError",
    "DatasetSpec": "DatasetSpecBody",
    "CreateTaskRequest": "TaskBody",
    "CreateExperimentRequest": "ExperimentBody",
    "StartJupyterRequest": "NotebookBody",
}
"""What they are called in the gateway's own document."""

TASK_PATH, SERVICE_PATH = "/v1/tasks/{taskId}", "/v1/jupyter/services/{serviceId}"
OPERATIONS: Mapping[tuple[str, str], tuple[str | None, Mapping[int, str | None]]] = {
    ("get", "/health"): (None, {200: "HealthResponse"}),
    ("get", "/v1/tasks"): (None, {200: "TaskList", 400: "", 401: "", 429: ""}),
    ("post", "/v1/tasks"): ("CreateTaskRequest", {201: "Task", 400: "", 401: "", 422: "", 429: ""}),
    ("get", TASK_PATH): (None, {200: "Task", 404: ""}),
    ("delete", TASK_PATH): (None, {204: None, 404: ""}),
    ("get", "/v1/queue"): (None, {200: "QueueStats"}),
    ("get", "/v1/experiments"): (None, {200: "[Experiment]"}),
    ("post", "/v1/experiments"): ("CreateExperimentRequest", {201: "Experiment"}),
    ("get", "/v1/jupyter/services"): (None, {200: "[JupyterService]"}),
    ("post", "/v1/jupyter/services"): ("StartJupyterRequest", {201: "JupyterService"}),
    ("delete", SERVICE_PATH): (None, {204: None}),
}
"""By method and path: the body, and what each status answers with; "" is an ErrorResponse, None nothing."""
FILTERS: Mapping[str, Shape] = {
    "status": words("queued running completed failed"),
    "limit": {"type": "integer", "default": 50, "maximum": 1000},
    "offset": {"type": "integer", "default": 0},
}
"""What the list of tasks takes."""


def schema_of(answer: str) -> Shape:
    """Of what OPERATIONS says a status answers with."""
    name = answer or "ErrorResponse"
    return many(SCHEMAS[name[1:-1]]) if name.startswith("[") else SCHEMAS[name]
