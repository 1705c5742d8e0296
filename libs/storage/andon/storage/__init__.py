"""Records in MongoDB and blobs in an S3 store, behind one small front door."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from andon.storage._blobs import Blobs, S3Settings
    from andon.storage._collection import Change, Collection, Index
    from andon.storage._documents import stored
    from andon.storage._mongo import Database, Mongo, MongoSettings, reaching

__all__ = [
    "Blobs", "Change", "Collection", "Database", "Index", "Mongo", "MongoSettings", "S3Settings",
    "reaching", "stored",
]  # fmt: skip

_HOME = {
    "Blobs": "_blobs", "S3Settings": "_blobs",
    "Change": "_collection", "Collection": "_collection", "Index": "_collection",
    "stored": "_documents",
    "Database": "_mongo", "Mongo": "_mongo", "MongoSettings": "_mongo", "reaching": "_mongo",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    # Imported on first use: each store's client takes 10 to 17 MB, and most services need one of them.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
