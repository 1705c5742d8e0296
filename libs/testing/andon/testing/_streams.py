"""Empties a broker that tests share."""

from nats.aio.client import Client
from nats.js import JetStreamManager


async def forget_streams(url: str) -> None:
    """Delete every stream, with its durables and what it kept."""
    client = Client()
    await client.connect(url)
    try:
        jetstream = JetStreamManager(client)
        for info in await jetstream.streams_info():
            if info.config.name is not None:
                await jetstream.delete_stream(info.config.name)
    finally:
        await client.close()
