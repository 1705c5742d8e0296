"""The servers of a test session: the environment's, a container's, or embedded ones."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, cast
from urllib.parse import urlsplit

from andon.runtime.embedded import (
    LOOPBACK,
    NatsOptions,
    S3Keys,
    SeaweedPorts,
    SeaweedServer,
    Server,
    free_ports,
    mongo_uri,
    nats_server,
    secantus_server,
)
from andon.testing._triton import TritonAddress, TritonProcess

A = TypeVar("A")

_VARIABLES = {"nats": "ANDON_TEST_NATS_URL", "mongo": "ANDON_TEST_MONGO_URI", "s3": "ANDON_TEST_S3"}
"""An address in the environment wins over everything; S3 as http://access:secret@host:port."""

_VOLUMES = 1000
"""Every test may have a bucket, and each bucket takes a volume of the store."""


@dataclass(frozen=True)
class S3Address:
    """Where an S3 store is and how to open it, as settings take it."""

    endpoint: str
    access_key: str
    secret_key: str
    secure: bool = False


@dataclass
class Servers:
    """Starts each server when it is first asked for and ends them all with the session."""

    containers: bool = False
    used: dict[str, str] = field(default_factory=dict[str, str])
    """What each need was served by, for the summary."""
    _folder: Path | None = None
    _endings: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])
    _found: dict[str, object] = field(default_factory=dict[str, object])
    _embedded: dict[str, Server] = field(default_factory=dict[str, Server])

    def nats_url(self) -> str:
        return self._once("nats", str, self._start_nats)

    def mongo_uri(self) -> str:
        return self._once("mongo", str, self._start_mongo)

    def s3(self) -> S3Address:
        return self._once("s3", s3_from_url, self._start_s3)

    def shares(self, need: str) -> bool:
        """Whether the need is served by something that is not ours to start again for each test."""
        return self.containers or bool(os.environ.get(_VARIABLES[need]))

    def fresh_folder(self, name: str) -> Path:
        """A new folder that goes with the session."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="andon-test-"))
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self._folder))

    def fresh_nats(self, port: int | None = None) -> tuple[Server, str]:
        """A nats-server of one's own, not started yet, and its URL."""
        port = port or free_ports(1)[0]
        folder = self.fresh_folder("nats")
        return nats_server(folder, NatsOptions(port, folder / "store")), f"nats://{LOOPBACK}:{port}"

    def fresh_mongo(self) -> tuple[Server, str]:
        """A Mongo server of one's own, not started yet, and its URI."""
        (port,) = free_ports(1)
        return secantus_server(self.fresh_folder("mongo"), port), mongo_uri(port)

    def fresh_s3(self) -> tuple[Server, S3Address]:
        """An S3 server of one's own, not started yet, and its address."""
        ports, keys = SeaweedPorts.free(), S3Keys("andon-test", secrets.token_hex(16))
        server = SeaweedServer(self.fresh_folder("s3"), ports, keys, volumes=_VOLUMES)
        return server, S3Address(f"{LOOPBACK}:{ports.s3}", keys.access, keys.secret)

    def triton(self) -> TritonAddress:
        if "triton" not in self._found:
            server, self._found["triton"] = self.fresh_triton()
            self._started("triton", server)
        return cast("TritonAddress", self._found["triton"])

    def fresh_triton(
        self, *, repository: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[Server, TritonAddress]:
        """A Triton server of one's own, not started yet, and its address. Skips where none is installed.

        `repository` replaces the folder of its address, in the server's words; `env` is for the server.
        """
        (port,) = free_ports(1)
        folder = self.fresh_folder("triton")
        server = TritonProcess(folder, port, repository=repository, env=env)
        return server, TritonAddress(f"http://{LOOPBACK}:{port}", folder / "models")

    def retire(self, need: str) -> None:
        """End a server that this session started and shares; whoever asks next gets a new one."""
        if server := self._embedded.pop(need, None):
            self._endings.remove(server.kill)
            server.kill()
            del self._found[need]

    def end(self) -> None:
        for ending in reversed(self._endings):
            ending()
        self._endings.clear()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _once(self, need: str, parse: Callable[[str], A], start: Callable[[], A]) -> A:
        if need not in self._found:
            if url := os.environ.get(_VARIABLES[need]):
                self.used[need] = f"{_VARIABLES[need]} ({_without_password(url)})"
                self._found[need] = parse(url)
            else:
                self._found[need] = start()
        return cast("A", self._found[need])

    def _started(self, need: str, server: Server) -> None:
        self._endings.append(server.kill)  # the data is thrown away: nothing to wait for
        server.start()
        self._embedded[need] = server
        self.used[need] = f"embedded (pid {server.pid})"

    def _start_nats(self) -> str:
        if self.containers:
            return self._contained("nats")
        server, url = self.fresh_nats()
        self._started("nats", server)
        return url

    def _start_mongo(self) -> str:
        if self.containers:
            return self._contained("mongo")
        server, uri = self.fresh_mongo()
        self._started("mongo", server)
        return uri

    def _start_s3(self) -> S3Address:
        if self.containers:
            return s3_from_url(self._contained("s3"))
        server, address = self.fresh_s3()
        self._started("s3", server)
        return address

    def _contained(self, need: str) -> str:
        from andon.testing import _containers  # noqa: PLC0415 - its SDK is slow to import and rarely used

        contained = _containers.start(need)
        self._endings.append(contained.end)
        self.used[need] = f"container {contained.image}"
        return contained.url


def s3_from_url(url: str) -> S3Address:
    """From http://access:secret@host:port."""
    parts = urlsplit(url)
    return S3Address(
        endpoint=parts.netloc.rsplit("@", 1)[-1],
        access_key=parts.username or "",
        secret_key=parts.password or "",
        secure=parts.scheme == "https",
    )


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rsplit('@', 1)[-1]}"
