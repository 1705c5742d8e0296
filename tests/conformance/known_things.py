"""Things that are there, so that a request which names one gets further than to "there is no such thing"."""

from typing import Any

import httpx
from whole_andon import MODEL, STATION, Andon, inspected, picture, until

Names = dict[str, str]
"""A path's parameters."""

EXPERIMENT = "20240115_ab12"
COMPONENT = {"category": "transform", "name": "blur"}
SOURCE = "class Blur:\n    pass\n"


def known_things(andon: Andon, admin: httpx.Client) -> dict[str, Names]:
    """Names by the beginning of the paths that they fit; the longest that fits is meant."""
    return {
        **_visual_inspection(andon, admin),
        **_components(admin),
        **_synced(admin),
        **_ml_worker(admin),
    }


def _visual_inspection(andon: Andon, admin: httpx.Client) -> dict[str, Names]:
    part, held = (inspected(admin, picture(spot=255))["id"] for _ in range(2))
    folder = andon.place.data / "pictures" / "any"
    folder.mkdir()
    (folder / "part.jpg").write_bytes(picture())
    source = {"kind": "folder", "folder": str(folder)}
    job = {"name": "any", "input_dir": str(folder), "file_pattern": "*", "station_id": STATION}
    spare = {"username": "spare", "password": "correct horse", "roles": ["operator"]}
    for _ in range(25):
        inspected(admin, picture(spot=255))
    _good(admin.put(f"/api/v1/cameras/{STATION}", json={"source": source}))
    return {
        "/api/v1/inspect/": {"id": part},
        "/api/v1/inspect/{id}/": {"id": held},
        "/api/v1/images/": {"id": part, "picture": "thumbnail"},
        "/api/v1/models/": {"id": MODEL},
        "/api/v1/stations/": {"id": STATION},
        "/api/v1/cameras/": {"station_id": STATION},
        "/api/v1/users/": {"id": _good(admin.post("/api/v1/users", json=spare))["id"]},
        "/api/v1/keys/": {
            "id": _good(admin.post("/api/v1/keys", json={"name": "spare", "scopes": ["inspect"]}))["id"]
        },
        "/api/v1/batch/jobs/": {"id": _good(admin.post("/api/v1/batch/jobs", json=job))["id"]},
        "/api/v1/alerts/": {"id": until(lambda: _good(admin.get("/api/v1/alerts"))["alerts"])[0]["id"]},
    }


def _components(admin: httpx.Client) -> dict[str, Names]:
    paths = {"/".join(COMPONENT.values()): SOURCE, "agent/runner": SOURCE}
    hashes = {
        path: _good(admin.post("/api/components/versions/upload", json={"path": path, "content": content}))[
            "data"
        ]["hash"]
        for path, content in paths.items()
    }
    _good(admin.post(f"/api/components/manifest/{EXPERIMENT}", json=hashes))
    return {
        "/api/components/agent/": {"name": "runner"},
        "/api/components/category/": {"category": COMPONENT["category"]},
        "/api/components/component/": COMPONENT,
        "/api/components/manifest/": {"experiment_uid": EXPERIMENT},
        "/api/components/versions/": COMPONENT,
        "/api/components/versions/hash/": {"hash": next(iter(hashes.values()))},
    }


def _synced(admin: httpx.Client) -> dict[str, Names]:
    _good(admin.post("/api/sync/experiments", json={"uid": EXPERIMENT}))
    file = {"delta": ("delta", b"a,b\n")}
    _good(admin.post(f"/api/sync/run/{EXPERIMENT}/metrics.csv", files=file))
    return {"/api/sync/": {"uid": EXPERIMENT, "file": "metrics.csv", "path": "run/metrics.csv"}}


def _ml_worker(admin: httpx.Client) -> dict[str, Names]:
    task = _good(admin.post("/v1/tasks", json={"job_name": "any"}))["id"]
    notebook = _good(admin.post("/v1/jupyter/services", json={"name": "any"}))["id"]
    experiment = _good(admin.post("/v1/experiments", json={"name": "any"}))["id"]
    return {
        "/v1/tasks/": {"task_id": task},
        "/v1/jupyter/services/": {"service_id": notebook},
        "/v1/experiments/": {"experiment_id": experiment},
    }


def _good(answer: httpx.Response) -> Any:
    assert answer.is_success, (answer.request.url, answer.text)
    return answer.json()
