"""Each change of an alert to a topic, confirmed by the broker."""

import asyncio
import json
import ssl
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion

from andon.alerting.adapters.addresses import Guard, Undelivered
from andon.alerting.domain.notices import Digest
from andon.contracts.alerting import MqttTarget

_KEEPALIVE = 30


async def publish(
    guard: Guard, trust: ssl.SSLContext, target: MqttTarget, password: str | None, digest: Digest
) -> None:
    """One message per alert, then one for all that are beyond what is spelled out. Raises Undelivered."""
    address = await guard.vetted(target.host, target.port)
    talk = _Talk(target, password, trust)
    try:
        # TLS goes by the name: paho checks the certificate against what it connects to.
        await talk.open(target.host if target.tls else address)
        for payload in _payloads(digest):
            await talk.publish(target.topic, payload)
    finally:
        await talk.close()


def _payloads(digest: Digest) -> list[bytes]:
    told = [
        {**each, "id": f"{digest.id}-{number}", "alert_id": each["id"], "sent_at": digest.at.isoformat()}
        for number, each in enumerate(digest.values()["alerts"])
    ]
    if digest.total > len(told):
        told.append({"id": digest.id, "change": "more", "total": digest.total, "text": digest.subject})
    return [json.dumps(each, ensure_ascii=False, separators=(",", ":")).encode() for each in told]


class _Talk:
    """One connection, on paho's thread; what it says comes back into our loop."""

    def __init__(self, target: MqttTarget, password: str | None, trust: ssl.SSLContext) -> None:
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._confirmed: asyncio.Future[None] | None = None
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, protocol=MQTTProtocolVersion.MQTTv5, reconnect_on_failure=False
        )
        if target.user is not None:
            client.username_pw_set(target.user, password)
        if target.tls:
            client.tls_set_context(trust)
        client.on_connect = self._told(self._on_connect)
        client.on_publish = self._told(self._on_publish)
        client.on_disconnect = self._told(self._on_lost)

    async def open(self, host: str) -> None:
        try:
            await asyncio.to_thread(self._client.connect, host, self._target.port, _KEEPALIVE)
        except (OSError, ValueError) as error:
            raise Undelivered(f"{self._target.host}:{self._target.port}: {error}") from error
        self._client.loop_start()
        await self._accepted

    async def publish(self, topic: str, payload: bytes) -> None:
        # The confirmation comes by way of this loop, so it can't be here before us.
        told = self._client.publish(topic, payload, qos=1)
        if told.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise Undelivered("the connection broke")
        self._confirmed = self._loop.create_future()
        await self._confirmed

    async def close(self) -> None:
        self._client.disconnect()
        await asyncio.to_thread(self._client.loop_stop)
        for each in (self._accepted, self._confirmed):
            if each is not None and each.done() and not each.cancelled():
                each.exception()

    def _told(self, reaction: Any) -> Any:
        def tell(_client: Client, _data: object, *told: Any) -> None:
            self._loop.call_soon_threadsafe(reaction, *told)

        return tell

    def _on_connect(self, _flags: object, reason: Any, _properties: object) -> None:
        _settle(self._accepted, f"the broker refused us: {reason}" if reason.is_failure else None)

    def _on_publish(self, _number: int, reason: Any, _properties: object) -> None:
        _settle(self._confirmed, f"the broker refused it: {reason}" if reason.is_failure else None)

    def _on_lost(self, _flags: object, reason: Any, _properties: object) -> None:
        for each in (self._accepted, self._confirmed):
            _settle(each, f"the connection broke: {reason}")


def _settle(future: "asyncio.Future[None] | None", error: str | None) -> None:
    if future is None or future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(Undelivered(error))
