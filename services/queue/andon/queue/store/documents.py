"""Jobs as documents, and a change of a job as an update of what differs."""

import json
from typing import Any

from pydantic import BaseModel

from andon.contracts.queue import Requirements
from andon.queue.domain.record import HISTORY, Record
from andon.storage import stored

Document = dict[str, Any]

_TEXT = (
    "spec",
    "parameters",
    "metadata",
    "checkpoint",
    "requirements",
    "metrics",
    "logs",
    "outputs",
    "attempts",
)
"""Kept as JSON text: never searched, free in shape, and quick to read and write."""
_EVENTS = "outbox"
_FIELDS = tuple(name for name in Record.model_fields if name != "id")
_REPLACED = tuple(name for name in _FIELDS if name not in ("history", _EVENTS))
_PLAIN = (str, int, float, bool, type(None))


def document_of(record: Record) -> Document:
    """All of a job."""
    found = {name: _value(record, name) for name in _FIELDS}
    if not record.keys:
        del found["keys"]  # the unique index leaves out what has none
    return {"_id": record.id, **found}


def record_of(document: Document) -> Record:
    """A job as it was kept."""
    fields = {**document, "id": document["_id"]}
    del fields["_id"]
    for name in _TEXT:
        if isinstance(value := fields.get(name), str):
            fields[name] = json.loads(value)
    fields[_EVENTS] = [json.loads(each) for each in fields.get(_EVENTS, ())]
    return Record.model_validate(fields)


def requirements_of(document: Document) -> Requirements:
    """What a job asks for, of a document that may have little else."""
    return Requirements.model_validate_json(document["requirements"])


def update_of(before: Record, after: Record, *, told: bool = False) -> Document:
    """MongoDB operators that make the one of the other; `told` when all that was in the outbox was said."""
    old, new = before.__dict__, after.__dict__
    changes = {
        name: _value(after, name)
        for name in _REPLACED
        if old[name] is not new[name] and old[name] != new[name]
    }
    if after.version != before.version:  # what another process emptied since `before` was read is full again
        changes["unsaid_at"] = stored(after.unsaid_at)
    update: Document = {}
    if "keys" in changes and not after.keys:
        del changes["keys"]
        update["$unset"] = {"keys": ""}
    update["$set"] = changes
    events = [_event(each) for each in after.outbox if each.version > before.version]
    entries = [stored(each) for each in after.history if each.version > before.version]
    marked = [{**entry, "mark": after.mark} for entry in entries]
    pushes: Document = {}
    if marked:
        pushes["history"] = {"$each": marked, "$slice": -HISTORY}
    if events and told:
        changes[_EVENTS] = events
    elif events:
        pushes[_EVENTS] = {"$each": events}
    return {**update, **({"$push": pushes} if pushes else {})}


def _value(record: Record, name: str) -> Any:
    value = getattr(record, name)
    if type(value) in _PLAIN:
        return value
    if name in _TEXT:
        return _json(value)
    if name == _EVENTS:
        return [_event(each) for each in value]
    return stored(value)


def _event(told: BaseModel) -> str:
    return told.model_dump_json(exclude_none=True)


def _json(value: Any) -> str | None:
    if value is None:
        return None
    return json.dumps(value, default=_plain, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json")
