"""Records in MongoDB and blobs in an S3 store, behind one small front door."""

from andon.storage._blobs import Blobs, S3Settings
from andon.storage._collection import Change, Collection, Index
from andon.storage._documents import stored
from andon.storage._mongo import Database, Mongo, MongoSettings, reaching

__all__ = [
    "Blobs", "Change", "Collection", "Database", "Index", "Mongo", "MongoSettings", "S3Settings",
    "reaching", "stored",
]  # fmt: skip
