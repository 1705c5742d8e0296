"""Devices as they last spoke of themselves."""

import json
from datetime import datetime
from typing import Any

from andon.contracts.queue import Device
from andon.storage import Mongo, reaching, stored

_DATABASE = "queue"


class Devices:
    """Every method raises Unavailable while the database is away."""

    def __init__(self, mongo: Mongo) -> None:
        self._devices = mongo.database(_DATABASE)["devices"]

    async def get(self, device_id: str) -> Device | None:
        with reaching():
            document = await self._devices.find_one({"_id": device_id})
        return None if document is None else _read(document)

    async def all(self) -> list[Device]:
        with reaching():
            found = await self._devices.find({}).to_list()
        return sorted((_read(each) for each in found), key=lambda device: device.id)

    async def put(self, device: Device) -> None:
        document = {
            "_id": device.id,
            "last_heartbeat": stored(device.last_heartbeat),
            "body": device.model_dump_json(),
        }
        with reaching():
            await self._devices.replace_one({"_id": device.id}, document, upsert=True)

    async def delete(self, device_id: str, silent_since: datetime) -> bool:
        """Whether it was there and has said nothing since."""
        where = {"_id": device_id, "last_heartbeat": {"$lt": stored(silent_since)}}
        with reaching():
            return (await self._devices.delete_one(where)).deleted_count == 1


def _read(document: dict[str, Any]) -> Device:
    return Device.model_validate(json.loads(document["body"]))
