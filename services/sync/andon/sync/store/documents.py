"""A file as a document, and a change of it as an update of what differs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from andon.contracts.sync import FileChanged
from andon.storage import stored
from andon.sync.domain.files import Draft, File, Segment

Document = dict[str, Any]

_PLAIN = (
    "generation",
    "size",
    "whole",
    "writer",
    "written_at",
    "version",
    "hashed",
    "sha256",
    "xxh3",
    "garbage",
)
PACKS = "sync/packs/"
"""Objects that several files share."""


@dataclass(frozen=True)
class Told:
    """An event that was written with its file, on its way to the bus."""

    version: int
    event: FileChanged


@dataclass(frozen=True)
class Kept:
    """A file with what of it is not said yet, as far as is known here."""

    id: str
    file: File
    outbox: tuple[Told, ...] = ()


def document_of(kept: Kept) -> Document:
    file = kept.file
    return {
        "_id": kept.id,
        "uid": file.uid,
        "path": file.path,
        **{name: stored(getattr(file, name)) for name in _PLAIN},
        "segments": [_row(each) for each in file.segments],
        "draft": _draft_row(file.draft),
        "packs": _packs(file),
        "outbox": [_told_row(each) for each in kept.outbox],
        "unsaid_at": stored(file.written_at) if kept.outbox else None,
        "garbage_at": stored(file.written_at) if file.garbage else None,
    }


def kept_of(document: Document) -> Kept:
    """As it was kept; also of a document without segments, where only how far it is was asked for."""
    fields = {name: document[name] for name in _PLAIN}
    file = File(
        uid=document["uid"],
        path=document["path"],
        **{
            **fields,
            "written_at": datetime.fromisoformat(fields["written_at"]),
            "garbage": tuple(fields["garbage"]),
        },
        segments=tuple(Segment(*row) for row in document.get("segments", ())),
        draft=_draft(document.get("draft")),
    )
    told = tuple(
        Told(row["version"], FileChanged.model_validate_json(row["event"]))
        for row in document.get("outbox", ())
    )
    return Kept(document["_id"], file, told)


def update_of(before: Kept, after: Kept) -> Document:
    """MongoDB operators that make the one of the other."""
    old, new = before.file, after.file
    changes = {
        name: stored(getattr(new, name)) for name in _PLAIN if getattr(old, name) != getattr(new, name)
    }
    pushes: Document = {}
    count = len(old.segments)
    if new.segments[:count] == old.segments:
        if rows := [_row(each) for each in new.segments[count:]]:
            pushes["segments"] = {"$each": rows}
    else:
        changes["segments"] = [_row(each) for each in new.segments]
    changes |= _draft_changes(old.draft, new.draft)
    if (packs := _packs(new)) != _packs(old):
        changes["packs"] = packs
    if after.outbox != before.outbox:
        changes["outbox"] = [_told_row(each) for each in after.outbox]
        changes["unsaid_at"] = stored(new.written_at)
    if new.garbage != old.garbage:
        changes["garbage_at"] = stored(new.written_at) if new.garbage else None
    return {"$set": changes, **({"$push": pushes} if pushes else {})}


def _draft_changes(old: Draft | None, new: Draft | None) -> Document:
    if old == new:
        return {}
    if old is None or new is None or (old.generation, old.hashes) != (new.generation, new.hashes):
        return {"draft": _draft_row(new)}
    changed = enumerate(zip(old.placed, new.placed, strict=True))
    rows = {f"draft.placed.{number}": _row(now) for number, (was, now) in changed if now and was != now}
    return {**rows, "draft.writer": new.writer}


def _draft_row(draft: Draft | None) -> Document | None:
    if draft is None:
        return None
    return {
        "generation": draft.generation,
        "size": draft.size,
        "block_bytes": draft.block_bytes,
        "hashes": list(draft.hashes),
        "placed": [_row(each) if each else None for each in draft.placed],
        "writer": draft.writer,
    }


def _draft(row: Document | None) -> Draft | None:
    if row is None:
        return None
    placed = tuple(Segment(*each) if each else None for each in row["placed"])
    return Draft(**{**row, "hashes": tuple(row["hashes"]), "placed": placed})


def _row(segment: Segment) -> list[Any]:
    return [segment.offset, segment.length, segment.key, segment.at, segment.sha256, segment.packed]


def _told_row(told: Told) -> Document:
    return {"version": told.version, "event": told.event.model_dump_json()}


def _packs(file: File) -> list[str]:
    segments = [*file.segments, *(each for each in (file.draft.placed if file.draft else ()) if each)]
    return sorted({each.key for each in segments if each.key.startswith(PACKS)})
