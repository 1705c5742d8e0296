"""Broker, metadata and objects on one machine, over one data folder."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from andon.runtime.embedded._child import NotReady, Server
from andon.runtime.embedded._nats import BusUser, NatsOptions, nats_server
from andon.runtime.embedded._ports import LOOPBACK, free_ports, is_free
from andon.runtime.embedded._seaweed import S3Keys, SeaweedPorts, SeaweedServer
from andon.runtime.embedded._secantus import mongo_uri, secantus_server
from andon.runtime.embedded._settings import EmbeddedSettings

_GIVEN = {"nats": "ANDON_BUS__URL", "mongo": "ANDON_MONGO__URI", "s3": "ANDON_S3__ENDPOINT"}
"""The variables that name an operator's own server, in whose place nothing is started."""


@dataclass(frozen=True)
class Ports:
    """Kept in the data folder, so that addresses last over a restart."""

    nats: int
    mongo: int
    s3: SeaweedPorts


class EmbeddedStack:
    """The servers that the environment does not name, each over its folder below `data`."""

    def __init__(
        self, data: Path, settings: EmbeddedSettings | None = None, *, given: Mapping[str, str] = os.environ
    ) -> None:
        """`given` is searched for the addresses of the operator's own servers."""
        self._folder = data / "servers"
        self._settings = settings or EmbeddedSettings()
        self.given = {need: given[variable] for need, variable in _GIVEN.items() if given.get(variable)}
        """Needs that an address in the environment serves."""
        self.servers: dict[str, Server] = {}
        """By need: nats, mongo, s3."""
        self.environment: dict[str, str] = {}
        """What a service's Settings read to find the servers started here."""

    def launch(self) -> None:
        """Start the processes and return at once; `wait_ready` waits for each. Raises NotReady."""
        self._folder.mkdir(parents=True, exist_ok=True)
        ports = self._ports()
        keys = _kept(self._folder / "credentials.json", _new_credentials)
        if "nats" not in self.given:
            self._nats(ports.nats, keys["bus_password"])
        if "mongo" not in self.given:
            self._mongo(ports.mongo)
        if "s3" not in self.given:
            self._s3(ports.s3, S3Keys(keys["s3_access_key"], keys["s3_secret_key"]))
        for server in self.servers.values():
            server.launch()

    def start(self, within: float = 60.0) -> None:
        """Start them and wait until all answer. Raises NotReady."""
        self.launch()
        for server in self.servers.values():
            server.wait_ready(within)

    def stop(self) -> None:
        """End them together; nothing that was acknowledged is lost."""
        for server in self.servers.values():
            server.ask_to_stop()
        for server in self.servers.values():
            server.stop()

    def kill(self) -> None:
        """SIGKILL to all."""
        for server in self.servers.values():
            server.kill()

    def _nats(self, port: int, password: str) -> None:
        folder = self._folder / "nats"
        options = NatsOptions(
            port, folder / "store", (BusUser("andon", password),), self._settings.monitor_port
        )
        self.servers["nats"] = nats_server(folder, options)
        self.environment |= {
            "ANDON_BUS__URL": f"nats://{LOOPBACK}:{port}",
            "ANDON_BUS__USER": "andon",
            "ANDON_BUS__PASSWORD": password,
        }

    def _mongo(self, port: int) -> None:
        self.servers["mongo"] = secantus_server(self._folder / "mongo", port, self._settings.secantus)
        self.environment["ANDON_MONGO__URI"] = mongo_uri(port)

    def _s3(self, ports: SeaweedPorts, keys: S3Keys) -> None:
        self.servers["s3"] = SeaweedServer(self._folder / "s3", ports, keys, patience=2.0)
        self.environment |= {
            "ANDON_S3__ENDPOINT": f"{LOOPBACK}:{ports.s3}",
            "ANDON_S3__ACCESS_KEY": keys.access,
            "ANDON_S3__SECRET_KEY": keys.secret,
            "ANDON_S3__SECURE": "false",
        }

    def _ports(self) -> Ports:
        kept = _kept(self._folder / "ports.json", lambda: asdict(self._new_ports()))
        ports = Ports(kept["nats"], kept["mongo"], SeaweedPorts(**kept["s3"]))
        wanted = self._settings
        as_set = wanted.nats_port in (0, ports.nats) and wanted.mongo_port in (0, ports.mongo)
        as_set = as_set and wanted.s3_port in (0, ports.s3.s3)
        if as_set and all(is_free(port) for port in _all_of(ports)):
            return ports
        ports = self._new_ports()
        taken = [port for port in _all_of(ports) if not is_free(port)]
        if taken:
            raise NotReady(f"port {taken[0]} is in use; another stack may be running")
        _write_secret(self._folder / "ports.json", asdict(ports))
        return ports

    def _new_ports(self) -> Ports:
        nats, mongo = free_ports(2)
        return Ports(
            self._settings.nats_port or nats,
            self._settings.mongo_port or mongo,
            SeaweedPorts.free(self._settings.s3_port),
        )


def _all_of(ports: Ports) -> list[int]:
    return [ports.nats, ports.mongo, *asdict(ports.s3).values()]


def _new_credentials() -> dict[str, str]:
    return {
        "bus_password": secrets.token_urlsafe(24),
        "s3_access_key": secrets.token_hex(10),
        "s3_secret_key": secrets.token_urlsafe(30),
    }


def _kept(file: Path, make: Any) -> dict[str, Any]:
    if not file.exists():
        _write_secret(file, make())
    return json.loads(file.read_text())


def _write_secret(file: Path, content: dict[str, Any]) -> None:
    scratch = file.with_suffix(".new")
    scratch.unlink(missing_ok=True)
    with os.fdopen(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        json.dump(content, out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    scratch.replace(file)
