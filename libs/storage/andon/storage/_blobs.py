"""Objects in an S3 store, through the MinIO SDK on threads of its own."""

import asyncio
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO
from itertools import islice
from types import TracebackType
from typing import Annotated, BinaryIO, Self, TypeVar

import urllib3
import zstandard
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import InvalidResponseError, S3Error, ServerError
from pydantic import BaseModel, Field, SecretStr

from andon.contracts import NotFound, Unavailable
from andon.storage._quick_put import QuickPut
from andon.telemetry import log
from andon.telemetry.metrics import STORE_FAILURES

R = TypeVar("R")

_log = log("andon.storage")

_SERVER_ERROR = 500
_QUICK_BYTES = 4 << 20
_WINDOW = 8 << 20
"""What zstd's own document asks of every reader."""
_REFUSED = frozenset({"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "NoSuchBucket"})
"""Waits for the operator: what was to be written is not lost meanwhile."""


class S3Settings(BaseModel):
    endpoint: str = "127.0.0.1:9000"
    """host:port, without a scheme."""
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    secure: bool = False
    """Speak TLS."""
    bucket: str = "andon"
    region: str = "us-east-1"
    """Given, so that no call has to look it up."""
    threads: Annotated[int, Field(ge=1, le=64)] = 8
    """Calls under way at the same time; more wait."""


class Blobs:
    """One bucket. Every method raises Unavailable while the store is away, broken or full."""

    def __init__(self, settings: S3Settings) -> None:
        self._bucket = settings.bucket
        self._http = urllib3.PoolManager(
            maxsize=settings.threads,
            timeout=urllib3.Timeout(connect=2, read=20),
            retries=urllib3.Retry(
                2, backoff_factor=0.2, status_forcelist=(500, 502, 503, 504), raise_on_status=False
            ),
        )
        self._client = Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
            secure=settings.secure,
            region=settings.region,
            http_client=self._http,
        )
        self._quick = None if settings.secure else _quick_put(settings)
        self._threads = ThreadPoolExecutor(settings.threads, thread_name_prefix="blobs")

    async def prepare(self) -> None:
        """Create the bucket if it is missing."""
        await self._call(self._create)

    async def put(
        self, key: str, data: bytes, content_type: str = "application/octet-stream", *, sha256: str = ""
    ) -> None:
        """Write or replace. The data's `sha256` in hex, where it is known, spares hashing it again."""
        await self._call(lambda: self._put(key, data, content_type, sha256))

    async def put_file(self, key: str, file: BinaryIO, size: int) -> None:
        """Write or replace from where the file stands, `size` bytes, never with all of it in memory."""
        await self._call(lambda: self._client.put_object(self._bucket, key, file, size))

    async def get(self, key: str) -> bytes:
        """Raises NotFound when there is none."""
        return await self._call(lambda: self._fetch(key, 0, 0))

    async def get_range(self, key: str, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, fewer at the end. Raises NotFound when there is none."""
        return await self._call(lambda: self._fetch(key, offset, length))

    async def get_unpacked(self, key: str, offset: int, length: int) -> bytes:
        """The same of what an object holds that is one frame of zstd; NotFound also when it is damaged."""
        return await self._call(lambda: _unpacked(self._fetch(key, 0, 0), offset, length))

    async def exists(self, key: str) -> bool:
        try:
            await self._call(lambda: self._client.stat_object(self._bucket, key))
        except NotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Harmless when there is none."""
        await self._call(lambda: self._client.remove_object(self._bucket, key))

    async def delete_many(self, keys: Sequence[str]) -> None:
        """Harmless for keys there are none of. After Unavailable some may be deleted: repeat."""
        await self._call(lambda: self._remove(keys))

    async def list(self, prefix: str = "", *, after: str = "", limit: int | None = None) -> Sequence[str]:
        """Keys in order, those behind `after`; all of them without a limit."""
        return await self._call(lambda: self._keys(prefix, after, limit))

    async def ping(self) -> None:
        """Raises Unavailable unless the store answers and has the bucket."""
        if not await self._call(lambda: self._client.bucket_exists(self._bucket)):
            raise Unavailable(f"the object store has no bucket {self._bucket}")

    async def close(self) -> None:
        """Wait for calls under way, then let go of threads and connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._http.clear()
        if self._quick:
            self._quick.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _call(self, work: Callable[[], R]) -> R:
        def reached() -> R:
            with _reaching():
                return work()

        return await asyncio.get_running_loop().run_in_executor(self._threads, reached)

    def _create(self) -> None:
        if self._client.bucket_exists(self._bucket):
            return
        try:
            self._client.make_bucket(self._bucket)
        except S3Error as error:
            if error.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
                raise

    def _put(self, key: str, data: bytes, content_type: str, sha256: str) -> None:
        if self._quick and len(data) <= _QUICK_BYTES and self._quick.put(key, data, content_type, sha256):
            return
        self._client.put_object(self._bucket, key, BytesIO(data), len(data), content_type)

    def _fetch(self, key: str, offset: int, length: int) -> bytes:
        try:
            response = self._client.get_object(self._bucket, key, offset=offset, length=length)
        except S3Error as error:
            if error.code == "InvalidRange":  # there is nothing from `offset` on
                return b""
            raise
        try:
            return response.read()
        finally:
            response.close()
            response.release_conn()

    def _remove(self, keys: Sequence[str]) -> None:
        failed = list(self._client.remove_objects(self._bucket, (DeleteObject(key) for key in keys)))
        if failed:
            raise Unavailable(f"{len(failed)} of {len(keys)} objects could not be deleted")

    def _keys(self, prefix: str, after: str, limit: int | None) -> Sequence[str]:
        found = self._client.list_objects(
            self._bucket, prefix=prefix, recursive=True, start_after=after or None
        )
        return [each.object_name for each in islice(found, limit) if each.object_name]


def _unpacked(frame: bytes, offset: int, length: int) -> bytes:
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(frame) as reader:
            data = reader.read(offset + length)
    except zstandard.ZstdError as error:
        raise NotFound("the object is no frame of zstd any more") from error
    return data[offset:] if offset else data


def _quick_put(settings: S3Settings) -> QuickPut:
    secret = settings.secret_key.get_secret_value()
    return QuickPut(settings.endpoint, settings.bucket, settings.region, settings.access_key, secret)


@contextmanager
def _reaching() -> Generator[None]:
    try:
        yield
    except urllib3.exceptions.HTTPError as error:
        raise _away(error) from error
    except S3Error as error:
        if error.code == "NoSuchKey":
            raise NotFound("there is no such object") from error
        if error.code in _REFUSED or error.response.status >= _SERVER_ERROR:
            raise _away(error) from error
        raise
    except ServerError as error:
        if error.status_code >= _SERVER_ERROR:
            raise _away(error) from error
        raise
    except InvalidResponseError as error:  # an answer that is not S3's: a proxy's error page, or cut short
        raise _away(error) from error


def _away(error: Exception) -> Unavailable:
    STORE_FAILURES.labels("s3").inc()
    _log.warning("object store is away", reason=str(error)[:300])
    return Unavailable("the object store does not answer")
