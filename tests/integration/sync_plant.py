"""A gateway with the real sync behind it, as workers reach them."""

import os
import sys
from asyncio import create_subprocess_exec
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx

from andon.contracts import auth
from andon.contracts.auth import Role, User
from andon.gateway.app import SERVICE as GATEWAY
from andon.gateway.app import GatewaySettings
from andon.gateway.limits import LimitSettings
from andon.messaging import BusSettings, Service
from andon.runtime import HttpSettings, serving
from andon.security import Signer, new_private_key
from andon.storage import Blobs, MongoSettings, S3Settings
from andon.sync.app import SERVICE as SYNC
from andon.sync.app import EngineSettings, SyncSettings
from andon.sync.client import FolderSync, Ledger, Patience, Server
from andon.sync.client.ledger import FOLDER

UID = "20261121_4f2a"


@dataclass(frozen=True)
class Plant:
    bus: BusSettings
    mongo: MongoSettings
    s3: S3Settings
    url: str
    token: str
    http: httpx.AsyncClient

    @asynccontextmanager
    async def syncing(
        self, root: Path, uid: str = UID, *, register: bool = True
    ) -> AsyncIterator[FolderSync]:
        """A client on a folder, as one process of it lives."""
        patience = Patience(0.02, 0.2, 60)
        with Ledger(root / FOLDER, self.url, uid) as ledger:
            async with Server(self.url, self.token, uid, ledger.writer, patience) as server:
                work = FolderSync(root, server, ledger)
                if register:
                    await work.register()
                yield work

    async def read(self, path: str, uid: str = UID, **query: int) -> bytes:
        answer = await self.http.get(f"/api/sync/files/{uid}/{path}", params=query)
        answer.raise_for_status()
        return answer.content

    async def everything(self) -> dict[str, bytes]:
        found = (await self.http.get(f"/api/sync/files/{UID}")).json()["files"]
        return {each["path"]: await self.read(each["path"]) for each in found}

    @asynccontextmanager
    async def sync(self) -> AsyncIterator[None]:
        """A process's worth of the service."""
        engine = EngineSettings(garbage_minutes=0, clean_seconds=0.2)
        async with serving(SYNC, SyncSettings(bus=self.bus, mongo=self.mongo, s3=self.s3, engine=engine)):
            yield


@asynccontextmanager
async def gateway(bus: BusSettings, mongo: MongoSettings, s3: S3Settings) -> AsyncIterator[Plant]:
    """Without sync, which a test starts and stops."""
    signer = Signer(new_private_key(), lifetime=24 * 3600)
    keys = Service("auth", bus)

    async def public(*_):
        return auth.Keys(keys=(signer.public,))

    async def ended(*_):
        return auth.EndedSessions(session_ids=())

    keys.answers(auth.KEYS, public)
    keys.answers(auth.ENDED, ended)
    async with Blobs(s3) as blobs:
        await blobs.prepare()
    limits = LimitSettings(others_per_minute=1_000_000)
    settings = GatewaySettings(bus=bus, mongo=mongo, s3=s3, http=HttpSettings(port=0, drain=1), limits=limits)
    user = User(id="u1", username="worker", roles=(Role.OPERATOR,), created_at=datetime.now(UTC))
    token = signer.sign(user, "s1")
    async with keys, serving(GATEWAY, settings) as running:
        url = f"http://127.0.0.1:{running.http_port}"
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30) as http:
            yield Plant(bus, mongo, s3, url, token, http)


def environment(plant: Plant, **more: str) -> dict[str, str]:
    """Of a process that is to find the plant's servers."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("ANDON_")}
    return own | more | {
        "ANDON_BUS__URL": plant.bus.url,
        "ANDON_MONGO__URI": plant.mongo.uri,
        "ANDON_MONGO__PREFIX": plant.mongo.prefix,
        "ANDON_S3__ENDPOINT": plant.s3.endpoint,
        "ANDON_S3__ACCESS_KEY": plant.s3.access_key,
        "ANDON_S3__SECRET_KEY": plant.s3.secret_key.get_secret_value(),
        "ANDON_S3__BUCKET": plant.s3.bucket,
    }  # fmt: skip


async def service(plant: Plant) -> Process:
    """Sync as a process of its own, to be killed; whoever asks waits until it is there."""
    return await create_subprocess_exec(
        sys.executable, "-m", "andon.runtime.service", "sync",
        env=environment(plant), stdout=DEVNULL, stderr=DEVNULL,
    )  # fmt: skip


async def ended(process: Process) -> None:
    """By SIGKILL, unless it has ended by itself."""
    if process.returncode is None:
        process.kill()
    await process.wait()
