"""A JSON Schema per subject, and what may not change in one."""

import ast
import inspect
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from andon.contracts import SUBJECTS, Message, Problem, Query, Subject

Schema = dict[str, Any]

FOLDER = "contracts/schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """Every schema file by its path in the repository."""
    texts = {f"{FOLDER}/problem.json": _text(_of(Problem, "problem", ""))}
    for subject in SUBJECTS:
        texts[f"{FOLDER}/{subject.address}.json"] = _text(of_payload(subject))
        if isinstance(subject, Query):
            texts[f"{FOLDER}/{subject.address}.reply.json"] = _text(of_reply(subject))
    return texts


def of_payload(subject: Subject[Any]) -> Schema:
    """What is said; for binary bodies what travels in the headers."""
    return _of(subject.payload, subject.address, subject.why)


def of_reply(subject: Query[Any, Any]) -> Schema:
    """What a good answer is."""
    return _of(subject.reply, f"{subject.address}.reply", f"Answers {subject.address}: {subject.why}")


def _text(schema: Schema) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _of(model: type[Message], name: str, why: str) -> Schema:
    schema = model.model_json_schema()
    models = {model.__name__: model, **{kind.__name__: kind for kind in _inside(model)}}
    for title, part in [(model.__name__, schema), *schema.get("$defs", {}).items()]:
        notes = _notes(models[title]) if title in models else {}
        for field, note in notes.items():
            if field in part.get("properties", {}):
                part["properties"][field].setdefault("description", note)
    described = schema.pop("description", "")
    return {"$schema": DIALECT, "$id": name, "description": f"{why} {described}".strip(), **schema}


def _inside(model: type[Message]) -> set[type[Message]]:
    """All message models that a model is made of."""
    found, waiting = set[type[Message]](), [model]
    while waiting:
        for field in waiting.pop().model_fields.values():
            for kind in _classes(field.annotation):
                if kind not in found:
                    found.add(kind)
                    waiting.append(kind)
    return found


def _classes(annotation: Any) -> list[type[Message]]:
    if isinstance(annotation, type) and issubclass(annotation, Message):
        return [annotation]
    return [kind for inner in getattr(annotation, "__args__", ()) for kind in _classes(inner)]


def _notes(model: type[Message]) -> dict[str, str]:
    """The one-line strings under the fields."""
    return _notes_of_module(inspect.getmodule(model)).get(model.__name__, {})


@cache
def _notes_of_module(module: Any) -> dict[str, dict[str, str]]:
    notes = dict[str, dict[str, str]]()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, ast.ClassDef):
            pairs = zip(node.body, node.body[1:], strict=False)
            notes[node.name] = {
                field.target.id: inspect.cleandoc(note.value.value)
                for field, note in pairs
                if isinstance(field, ast.AnnAssign)
                and isinstance(field.target, ast.Name)
                and isinstance(note, ast.Expr)
                and isinstance(note.value, ast.Constant)
                and isinstance(note.value.value, str)
            }
    return notes


def breaks(old: Schema, new: Schema) -> list[str]:
    """What in `new` would surprise those who know `old`: fields lost, newly required or of another type.

    Each is one line, such as `detections[].bbox: type changed`. Empty when nothing breaks.
    """
    return Comparison(old, new).breaks(old, new, "", frozenset())


@dataclass(frozen=True)
class Comparison:
    """Two versions of a schema, held against each other part by part."""

    old_root: Schema
    new_root: Schema

    def breaks(self, old: Schema, new: Schema, at: str, seen: frozenset[tuple[str, str]]) -> list[str]:
        """What breaks in a part that stands `at` a path; `seen` are the references on the way there."""
        step = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and step in seen:
            return []
        old, new, seen = _resolved(old, self.old_root), _resolved(new, self.new_root), seen | {step}
        if _kinds(old, self.old_root) != _kinds(new, self.new_root):
            return [f"{at or 'the message'}: type changed"]
        return [
            *_lost_values(old, new, at),
            *_lost_and_required(old, new, at),
            *(
                line
                for was, now, where in _pairs(old, new, at)
                for line in self.breaks(was, now, where, seen)
            ),
        ]


def _lost_values(old: Schema, new: Schema, at: str) -> list[str]:
    return [
        f"{at}: {value!r} is no longer a value" for value in old.get("enum", ()) if value not in new["enum"]
    ]


def _lost_and_required(old: Schema, new: Schema, at: str) -> list[str]:
    lost = [name for name in old.get("properties", {}) if name not in new.get("properties", {})]
    required = sorted(set(new.get("required", ())) - set(old.get("required", ())))
    return [f"{_in(at, name)}: lost" for name in lost] + [
        f"{_in(at, name)}: newly required" for name in required
    ]


def _pairs(old: Schema, new: Schema, at: str) -> list[tuple[Schema, Schema, str]]:
    """The parts inside of a part that both versions have, with where they stand."""
    had, has = old.get("properties", {}), new.get("properties", {})
    pairs = [(had[name], has[name], _in(at, name)) for name in had if name in has]
    pairs += [
        (old[key], new[key], f"{at}[]")
        for key in ("items", "additionalProperties")
        if isinstance(old.get(key), dict) and isinstance(new.get(key), dict)
    ]
    for key, where in (("anyOf", at), ("prefixItems", f"{at}[]")):
        both = zip(old.get(key, ()), new.get(key, ()), strict=False)
        pairs += [(was, now, where) for was, now in both]
    return pairs


def _in(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name


def _resolved(schema: Schema, root: Schema) -> Schema:
    while "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return schema


def _kinds(schema: Schema, root: Schema) -> list[str]:
    """The JSON types that a value may have, in order."""
    schema = _resolved(schema, root)
    if "anyOf" in schema:
        return [kind for choice in schema["anyOf"] for kind in _kinds(choice, root)]
    kind = schema.get("type", "enum" if "enum" in schema else "const" if "const" in schema else "any")
    shape = f"[{len(schema['prefixItems'])}]" if "prefixItems" in schema else ""
    return [f"{kind}{shape}:{schema.get('format', '')}"]
