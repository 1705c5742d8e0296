"""Commands that come by MQTT."""

import asyncio
from dataclasses import dataclass, field

from pydantic import ValidationError

from andon.contracts import Refused
from andon.contracts.camera import CAPTURE, CaptureFrame
from andon.messaging import Service
from andon.opcua_bridge.adapters.mqtt import Broker, Heard
from andon.opcua_bridge.domain import telegrams
from andon.opcua_bridge.domain.telegrams import Command, NotACommand, Topics

CAPTURE_SECONDS = 30.0
_MOST_AT_ONCE = 16


@dataclass
class Commands:
    """Carries out what is asked on a connection, one at a time for each station."""

    bus: Service
    broker: Broker
    topics: Topics
    _busy: set[str] = field(default_factory=set[str])

    async def carry_out(self) -> None:
        """Until the connection is lost. Raises Unavailable then."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                heard = await self.broker.hear()
                if not heard.payload:
                    continue  # how a retained message is cleared
                asked = await self._accepted(heard)
                if asked is not None:
                    self._busy.add(heard.topic)
                    tasks.create_task(self._obey(heard, asked))

    async def _accepted(self, heard: Heard) -> Command | None:
        """What is asked; None when that was refused already."""
        try:
            asked = telegrams.command(heard.payload)
        except NotACommand as error:
            await self._refuse(heard, None, "invalid", str(error))
            return None
        if heard.retained:
            await self._refuse(heard, asked, "retained", "a retained command would run at each connection")
            return None
        if heard.topic in self._busy or len(self._busy) >= _MOST_AT_ONCE:
            await self._refuse(heard, asked, "busy", "this station's last command runs, or too many others")
            return None
        return asked

    async def _obey(self, heard: Heard, asked: Command) -> None:
        try:
            part = await self.bus.ask(CAPTURE, self._question(heard, asked), timeout=CAPTURE_SECONDS)
        except ValidationError:
            await self._refuse(heard, asked, "not_found", "station_id: there is no such station")
        except Refused as error:
            await self._refuse(heard, asked, error.code, str(error))
        else:
            await self._say(heard, telegrams.done(asked, part))
        finally:
            self._busy.discard(heard.topic)

    def _question(self, heard: Heard, asked: Command) -> CaptureFrame:
        station_id = self.topics.station_of(heard.topic)
        return CaptureFrame(station_id=station_id, part_id=asked.part_id, frame_id=asked.id)

    async def _refuse(self, heard: Heard, asked: Command | None, code: str, message: str) -> None:
        await self._say(heard, telegrams.not_done(asked, code, message))

    async def _say(self, heard: Heard, result: bytes) -> None:
        await self.broker.publish(f"{heard.topic}/result", result)
