"""A record as it stands in the database: listed, losing its pictures, or on its way out."""

from enum import StrEnum
from typing import Any, NamedTuple

from andon.contracts.inspection import Inspection
from andon.inspection.domain import rollups
from andon.inspection.domain.rollups import Amounts
from andon.inspection.store.ledger import Entry, hour_at, micros

Row = dict[str, Any]
"""A document of the collection `records`.

Listed: an Inspection's fields, `at` (judged_at in microseconds), `writer` and `batch` of its last counted
write, and while its pictures are being removed `stripping` (the fields they had).
On its way out: `leaving` (why, and whether it `carries` what the row before owed), `was` (that row), `judged`
(its `at`), `writer`, `batch`.
Gone: `gone` (why), `judged`, `station`, `writer`, `batch`; it stays a while: a replay does not revive it.
What lists are bounded by stands in listed rows alone, so that no other row is ever in their way.
"""


class Why(StrEnum):
    """What a removal means for the counts."""

    DELETED = "deleted"
    """It should not count: taken out of statistics, too."""
    AGED = "aged"
    """It was judged and counts for good; only the record goes."""


class Files(NamedTuple):
    """Pictures that are to be removed."""

    keys: tuple[str, ...]
    bytes: int


def row_of(part: Inspection, stamp: Row) -> Row:
    """A new record's document, without its id."""
    return part.model_dump(mode="json", exclude={"id"}) | {"at": micros(part.judged_at)} | stamp


def part_of(row: Row) -> Inspection:
    return Inspection.model_validate({**row, "id": row["_id"]})


def keys_of(part: Inspection) -> set[str]:
    """Where the part's pictures are kept."""
    return {image.key for image in (part.image, part.annotated) if image is not None}


def listed(row: Row) -> bool:
    return "at" in row


def entry_of(row: Row) -> Entry:
    at = row["at"] if listed(row) else row["judged"]
    return Entry(row["_id"], hour_at(_station(row), at), row["writer"], row["batch"])


def leaving(row: Row, why: Why, stamp: Row, *, carries: bool) -> Row:
    """The row on its way out; `carries` tells that what it owed before is counted along."""
    return {
        "_id": row["_id"],
        "leaving": {"why": str(why), "carries": carries},
        "was": row,
        "judged": row["at"],
        **stamp,
    }


def gone(row: Row) -> Row:
    """What stays of a row that left."""
    station, judged = row["was"]["station_id"], row["judged"]
    kept = {name: row[name] for name in ("_id", "writer", "batch")}
    return kept | {"gone": row["leaving"]["why"], "judged": judged, "station": station}


def owed(row: Row) -> Amounts:
    """What the counts lack as long as they don't hold the row's last write."""
    if "leaving" in row:
        was, out = row["was"], row["leaving"]
        there = part_of(was)
        less = rollups.kept(there)
        if out["why"] == Why.DELETED:
            less = rollups.summed(less, rollups.judged(there))
        return rollups.summed(rollups.taken(less), owed(was) if out["carries"] else {})
    if "stripping" in row:
        return rollups.taken(_stripped(row))
    if listed(row):
        part = part_of(row)
        return rollups.summed(rollups.judged(part), rollups.kept(part))
    return {}


def files_of(row: Row) -> Files:
    """Pictures of a row on its way out, or those being removed from one that stays."""
    was = row.get("was", row)
    images = [was.get("stripping", {}).get(name) for name in ("image", "annotated")]
    if "was" in row:
        images += [was.get(name) for name in ("image", "annotated")]
    there = [image for image in images if image]
    return Files(tuple(image["key"] for image in there), sum(image["size"] for image in there))


def _stripped(row: Row) -> Amounts:
    part = part_of(row | row["stripping"])
    return rollups.pictures(part.decision, part.image, part.annotated)


def _station(row: Row) -> str:
    for holder in (row, row.get("was", {})):
        if "station_id" in holder:
            return holder["station_id"]
    return row["station"]
