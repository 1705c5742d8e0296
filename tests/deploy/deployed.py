"""What stands in `deploy/`, parsed, and the settings of the services it deploys."""

from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"

Manifest = dict[str, Any]


def manifests() -> Iterator[tuple[Path, Manifest]]:
    """Every document of every manifest, kustomizations left out."""
    for file in sorted((DEPLOY / "k8s").rglob("*.yaml")):
        if file.name != "kustomization.yaml":
            for document in yaml.safe_load_all(file.read_text()):
                yield file, document


def manifest(kind: str, name: str) -> Manifest:
    """The one manifest of a kind with a name."""
    (found,) = [m for _, m in manifests() if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def pod_of(workload: Manifest) -> Manifest:
    """The pod template's spec of a Deployment or Job."""
    return workload["spec"]["template"]["spec"]


def unknown_keys(keys: list[str], settings: type[BaseModel]) -> list[str]:
    """Those ANDON_ variables that no field of the settings reads."""
    return [key for key in keys if not _is_field(key.removeprefix("ANDON_").lower().split("__"), settings)]


def _is_field(path: list[str], model: type[BaseModel] | None) -> bool:
    if model is None or path[0] not in model.model_fields:
        return False
    return len(path) == 1 or _is_field(path[1:], _model_in(model.model_fields[path[0]].annotation))


def _model_in(annotation: Any) -> type[BaseModel] | None:
    choices = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    return next((c for c in choices if isinstance(c, type) and issubclass(c, BaseModel)), None)
