"""Objects go to an S3 store and come back as they were."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard
from pydantic import SecretStr

from andon.contracts import NotFound, Unavailable
from andon.storage import Blobs, S3Settings
from andon.storage._quick_put import QuickPut
from andon.testing import Restartable, S3Address, eventually


@pytest.fixture
async def blobs(blob_settings: S3Settings) -> AsyncIterator[Blobs]:
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
        await blobs.prepare()
        yield blobs


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 800, b"big" * 2_000_000])
async def test_what_was_put_is_what_is_got(blobs: Blobs, data: bytes):
    await blobs.put("evidence/a.bin", data, "image/jpeg")
    assert await blobs.get("evidence/a.bin") == data


@pytest.mark.parametrize("size", [1, 12_000_000])
async def test_a_file_is_put_from_where_it_stands(blobs: Blobs, tmp_path: Path, size: int):
    path = tmp_path / "file"
    path.write_bytes(b"head" + b"x" * size)
    with path.open("rb") as file:
        file.seek(4)
        await blobs.put_file("uploads/a", file, size)
    assert await blobs.get("uploads/a") == b"x" * size


async def test_a_digest_may_be_given_and_a_wrong_one_does_no_harm(blobs: Blobs):
    data = b"x" * 5000
    await blobs.put("good", data, sha256=hashlib.sha256(data).hexdigest())
    await blobs.put("wrong", data, sha256=hashlib.sha256(b"other").hexdigest())
    assert await blobs.get("good") == await blobs.get("wrong") == data


async def test_the_quick_way_writes_what_the_sdk_reads(blobs: Blobs, blob_settings: S3Settings):
    quick = _quick(blob_settings)
    keys = [f"Prüfung #{n} + 50%/a=b&c~d.jpg" for n in range(24)]
    written = await asyncio.gather(*(asyncio.to_thread(quick.put, key, key.encode(), "", "") for key in keys))
    quick.close()
    assert written == [True] * len(keys)
    assert [await blobs.get(key) for key in keys] == [key.encode() for key in keys]


async def test_the_quick_way_claims_nothing_it_does_not_know(blobs: Blobs, blob_settings: S3Settings):
    data = b"x"
    wrong = {"secret_key": SecretStr("wrong"), "endpoint": "127.0.0.1:1", "bucket": "there-is-none"}
    for name, value in wrong.items():
        assert not _quick(blob_settings.model_copy(update={name: value})).put("a", data, "image/png", "")
    quick = _quick(blob_settings)
    assert not quick.put("a", data, "image/png\r\nx-amz-acl: public-read", "")
    quick.close()
    assert not await blobs.exists("a")


def _quick(settings: S3Settings) -> QuickPut:
    secret = settings.secret_key.get_secret_value()
    return QuickPut(settings.endpoint, settings.bucket, settings.region, settings.access_key, secret)


async def test_a_put_replaces(blobs: Blobs):
    await blobs.put("a", b"first")
    await blobs.put("a", b"second")
    assert await blobs.get("a") == b"second"


async def test_part_of_an_object_can_be_read(blobs: Blobs):
    await blobs.put("a", b"0123456789")
    assert await blobs.get_range("a", 0, 3) == b"012"
    assert await blobs.get_range("a", 4, 3) == b"456"
    assert await blobs.get_range("a", 8, 30) == b"89"


async def test_part_of_a_packed_object_can_be_read(blobs: Blobs):
    await blobs.put("a.zst", zstandard.compress(b"0123456789"))
    assert await blobs.get_unpacked("a.zst", 0, 3) == b"012"
    assert await blobs.get_unpacked("a.zst", 8, 30) == b"89"
    await blobs.put("a.zst", b"0123456789")
    with pytest.raises(NotFound, match="no frame"):
        await blobs.get_unpacked("a.zst", 0, 3)
    with pytest.raises(NotFound):
        await blobs.get_unpacked("nothing", 0, 1)


async def test_a_missing_object_is_not_found(blobs: Blobs):
    with pytest.raises(NotFound):
        await blobs.get("nothing")
    with pytest.raises(NotFound):
        await blobs.get_range("nothing", 0, 1)
    assert not await blobs.exists("nothing")
    await blobs.delete("nothing")


async def test_keys_may_hold_any_text(blobs: Blobs):
    key = "line 1/Prüfung #7 + 50%/ñ&ü=1.jpg"
    await blobs.put(key, b"x")
    assert await blobs.exists(key)
    assert await blobs.get(key) == b"x"
    assert list(await blobs.list("line 1/")) == [key]


async def test_objects_are_listed_in_order_and_deleted(blobs: Blobs):
    keys = [f"p/{n:02}" for n in range(12)]
    await asyncio.gather(*(blobs.put(key, b"x") for key in [*keys, "q/other"]))
    assert list(await blobs.list("p/")) == keys
    assert list(await blobs.list("p/", after="p/03", limit=2)) == ["p/04", "p/05"]
    await blobs.delete("p/00")
    await blobs.delete_many([*keys, "p/none"])
    assert list(await blobs.list()) == ["q/other"]


async def test_a_ping_wants_the_bucket(blobs: Blobs, blob_settings: S3Settings):
    await blobs.ping()
    async with Blobs(blob_settings.model_copy(update={"bucket": "there-is-none"})) as other:
        with pytest.raises(Unavailable):
            await other.ping()
        with pytest.raises(Unavailable):
            await other.put("a", b"x")


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (507, "application/xml", "<Error><Code>XMinioStorageFull</Code><Message>full</Message></Error>"),
        (500, "application/xml", "<Error><Code>InternalError</Code><Message>no volumes</Message></Error>"),
        (503, "text/html", "<h1>proxy</h1>"),
        (403, "application/xml", "<Error><Code>SignatureDoesNotMatch</Code><Message>no</Message></Error>"),
    ],
)
async def test_a_full_broken_or_misconfigured_store_is_waited_for(status: int, content_type: str, body: str):
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} No\r\nContent-Type: {content_type}\r\nConnection: close\r\n"
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        endpoint = "127.0.0.1:{1}".format(*server.sockets[0].getsockname())
        settings = S3Settings(endpoint=endpoint, access_key="a", secret_key=SecretStr("s"))
        async with Blobs(settings) as blobs:
            with pytest.raises(Unavailable):
                await blobs.put("a", b"x")
            with pytest.raises(Unavailable):
                await blobs.get("a")


@pytest.mark.long
async def test_an_outage_is_unavailable_and_passes(
    s3_process: Restartable[S3Address], blob_settings: S3Settings
):
    async with Blobs(blob_settings) as blobs:
        await blobs.prepare()
        await blobs.put("a", b"kept")
        s3_process.kill()
        calls = (blobs.put("b", b"x"), blobs.get("a"), blobs.ping(), blobs.list(), blobs.delete_many(["a"]))
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [Unavailable] * 5
        await s3_process.start()

        async def back() -> bool:
            try:
                await blobs.put("b", b"x")
            except Unavailable:
                return False
            return True

        await eventually(back, within=20)
        assert await blobs.get("a") == b"kept"
