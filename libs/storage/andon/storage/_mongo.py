"""The connection to MongoDB, and its failures in Andon's words."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Annotated, Any, Self, TypeAlias

from pydantic import BaseModel, Field
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    OperationFailure,
    PyMongoError,
)

from andon.contracts import Conflict, Unavailable
from andon.storage._documents import Document
from andon.telemetry import log
from andon.telemetry.metrics import STORE_FAILURES

Database: TypeAlias = AsyncDatabase[Document]

_log = log("andon.storage")

_DUPLICATE = 11000
_AWAY = frozenset(
    {
        6,
        7,
        89,
        91,
        189,
        262,
        9001,
        10107,
        11600,
        11602,
        13435,
        13436,  # unreachable, stepping down, stopping
        50,  # took longer than allowed
        64,
        100,  # written, but not yet as safely as asked for
        14031,  # disk full
        13,
        18,  # refuses our credentials: waits for the operator, and nothing gets lost meanwhile
    }
)


class MongoSettings(BaseModel):
    uri: str = "mongodb://127.0.0.1:27017/?retryWrites=false&journal=true"
    """The embedded server needs retryWrites=false and journal=true; MongoDB takes its own best options."""
    prefix: str = "andon"
    """Databases are named <prefix>_<service>."""
    timeout_ms: Annotated[int, Field(gt=0)] = 5000
    """Longest one operation may take, with waiting for the server."""
    connections: Annotated[int, Field(ge=1)] = 16


class Mongo:
    """One client for a service; connects with its first operation and again after every outage."""

    def __init__(self, settings: MongoSettings) -> None:
        self._prefix = settings.prefix
        self._client: AsyncMongoClient[Document] = AsyncMongoClient(
            settings.uri,
            appname=settings.prefix,
            maxPoolSize=settings.connections,
            timeoutMS=settings.timeout_ms,
        )

    def database(self, service_name: str) -> Database:
        """The database of one service; no other service opens it."""
        return self._client[f"{self._prefix}_{service_name.replace('-', '_')}"]

    async def ping(self) -> None:
        """Raises Unavailable when the server does not answer."""
        with reaching():
            await self._client.admin.command("ping")

    async def close(self) -> None:
        await self._client.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@contextmanager
def reaching() -> Generator[None]:
    """Around calls to MongoDB: away is Unavailable, a second one of something unique is Conflict."""
    try:
        yield
    except ConnectionFailure as error:
        raise _away(error) from error
    except DuplicateKeyError as error:
        raise Conflict("there is one with this key already", _fields(error.details)) from error
    except BulkWriteError as error:
        codes = {failure.get("code") for failure in (error.details or {}).get("writeErrors", [])}
        if codes == {_DUPLICATE}:
            raise Conflict("there is one with this key already") from error
        if codes <= _AWAY:  # no write error at all means that the write concern failed
            raise _away(error) from error
        raise
    except OperationFailure as error:
        if error.code in _AWAY or error.timeout:
            raise _away(error) from error
        raise
    except PyMongoError as error:
        if error.timeout:
            raise _away(error) from error
        raise


def _away(error: PyMongoError) -> Unavailable:
    STORE_FAILURES.labels("mongo").inc()
    _log.warning("mongo is away", reason=str(error)[:300])
    return Unavailable("the database does not answer")


def _fields(details: Mapping[str, Any] | None) -> dict[str, str]:
    pattern: Mapping[str, Any] = (details or {}).get("keyPattern") or {}
    return dict.fromkeys(pattern, "taken")
