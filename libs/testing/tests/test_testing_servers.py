"""The servers behind the fixtures are real, answer, and come back on the same store."""

import socket
from urllib.parse import urlsplit

import nats
from minio import Minio
from pymongo import AsyncMongoClient

from andon.testing import Restartable, S3Address


async def test_a_shared_broker_has_jetstream_and_takes_frames_inline(nats_url):
    client = await nats.connect(nats_url)
    try:
        assert (await client.jetstream().account_info()).limits is not None
        assert client.max_payload == 8 * 1024 * 1024
    finally:
        await client.close()


async def test_a_shared_mongo_keeps_documents(mongo_uri):
    async with AsyncMongoClient(mongo_uri) as client:
        await client.somewhere.things.insert_one({"_id": 1})
        assert await client.somewhere.things.count_documents({}) == 1


def test_a_shared_store_takes_objects_at_once(s3_settings: S3Address):
    store = Minio(
        s3_settings.endpoint, s3_settings.access_key, s3_settings.secret_key, secure=s3_settings.secure
    )
    store.make_bucket("first")
    assert store.bucket_exists("first")


async def test_a_broker_of_ones_own_keeps_its_streams_over_a_kill(nats_process: Restartable[str]):
    client = await nats.connect(nats_process.address)
    await client.jetstream().add_stream(name="kept", subjects=["kept.>"])
    await client.jetstream().publish("kept.one", b"1")
    await client.close()

    await nats_process.restart()

    client = await nats.connect(nats_process.address)
    assert (await client.jetstream().stream_info("kept")).state.messages == 1
    await client.close()


def test_nothing_listens_after_a_kill(nats_process: Restartable[str]):
    nats_process.kill()
    parts = urlsplit(nats_process.address)
    with socket.socket() as probe:
        assert probe.connect_ex((parts.hostname, parts.port)) != 0
