"""The same servers in containers, where a Docker engine answers."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import PortWaitStrategy

_NATS = "nats:2.12-alpine"
_MONGO = "mongo:7.0"
_S3 = "chrislusf/seaweedfs:4.48"
_NATS_PORT, _MONGO_PORT, _S3_PORT = 4222, 27017, 8333
_MAX_PAYLOAD = "max_payload: 8MB\njetstream { store_dir: /data }\n"


@dataclass(frozen=True)
class Contained:
    """A running container."""

    image: str
    url: str
    end: Callable[[], None]


def start(need: str) -> Contained:
    """Start nats, mongo or s3. Fails the run with one sentence when no engine answers."""
    try:
        return {"nats": _nats, "mongo": _mongo, "s3": _s3}[need]()
    except Exception as error:
        if type(error).__module__.startswith(("docker", "requests", "urllib3")):
            pytest.exit(f"--containers: no Docker engine answers ({error})", returncode=3)
        raise


def _running(container: DockerContainer, port: int) -> tuple[str, Callable[[], None]]:
    container = container.with_exposed_ports(port).waiting_for(PortWaitStrategy(port))
    container.start()
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}", container.stop


def _nats() -> Contained:
    script = f"printf '{_MAX_PAYLOAD}' > /tmp/nats.conf && exec nats-server -c /tmp/nats.conf"
    address, end = _running(DockerContainer(_NATS).with_kwargs(entrypoint=["sh", "-c", script]), _NATS_PORT)
    return Contained(_NATS, f"nats://{address}", end)


def _mongo() -> Contained:
    address, end = _running(DockerContainer(_MONGO), _MONGO_PORT)
    return Contained(_MONGO, f"mongodb://{address}/?w=majority", end)


def _s3() -> Contained:
    access, secret = "andon-test", secrets.token_hex(16)
    container = (
        DockerContainer(_S3).with_env("AWS_ACCESS_KEY_ID", access).with_env("AWS_SECRET_ACCESS_KEY", secret)
    )
    command = "server -s3 -master.telemetry=false -volume.max=1000 -s3.autoCreateBucket=false"
    address, end = _running(container.with_command(command), _S3_PORT)
    return Contained(_S3, f"http://{access}:{secret}@{address}", end)
