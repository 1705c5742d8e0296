"""Sends one message to one channel, in bounded time."""

import asyncio
import ssl
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, IPvAnyNetwork, SecretStr

from andon.alerting.adapters import chat, mail, mqtt, webhook
from andon.alerting.adapters.addresses import Guard, Undelivered
from andon.alerting.domain.notices import Digest
from andon.contracts.alerting import AppriseTarget, EmailTarget, MqttTarget, Target, WebhookTarget


class NotifySettings(BaseModel):
    """How people and machines are told of alerts."""

    private_networks: tuple[IPvAnyNetwork, ...] = ()
    """Networks that are not public and may be sent to all the same, such as the plant's 10.20.0.0/16."""
    secret: SecretStr = SecretStr("")
    """What secrets of channels are sealed with; without it they are kept as they are."""
    ca_file: Path | None = None
    """Who signed the servers' certificates; by default whom this machine trusts."""
    timeout: Annotated[float, Field(gt=0, le=120)] = 10.0
    """Seconds that sending one message may take."""
    group_seconds: Annotated[float, Field(ge=0)] = 3.0
    """What comes so soon after one another is told in one message."""
    pause_seconds: Annotated[float, Field(ge=0)] = 10.0
    """Between two messages to a channel at least."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 8
    """After so many a notice is given up, and stays among the dead letters."""
    first_retry: Annotated[float, Field(gt=0)] = 5.0
    longest_retry: Annotated[float, Field(gt=0, le=1800)] = 600.0
    """Seconds between two tries: doubling from the first to the longest."""


@dataclass(frozen=True)
class Sender:
    settings: NotifySettings

    @property
    def guard(self) -> Guard:
        return Guard(tuple(self.settings.private_networks))

    async def send(self, target: Target, secret: str | None, digest: Digest) -> str | None:
        """None, or what was wrong although it arrived somewhere. Raises Undelivered."""
        if isinstance(target, AppriseTarget):
            await chat.load()
        try:
            async with asyncio.timeout(self.settings.timeout):
                return await self._send(target, secret, digest)
        except TimeoutError as error:
            raise Undelivered(f"no answer within {self.settings.timeout:g} s") from error
        except (OSError, ValueError) as error:  # no certificates at ca_file, an address that is none
            raise Undelivered(str(error) or type(error).__name__) from error

    async def _send(self, target: Target, secret: str | None, digest: Digest) -> str | None:
        match target:
            case WebhookTarget():
                await webhook.post(self.guard, self._trust, target, secret or "", digest)
            case EmailTarget():
                return await mail.mail(self.guard, self._trust, target, secret, digest)
            case MqttTarget():
                await mqtt.publish(self.guard, self._trust, target, secret, digest)
            case AppriseTarget():
                await chat.notify(self.guard, secret or "", digest, self.settings.timeout)
        return None

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.settings.ca_file)
