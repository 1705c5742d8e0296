"""A real Triton server on the processor, out of the environment that `scripts/setup --tests` makes."""

import ctypes
import http.client
import os
import shutil
import signal
import sys
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from andon.runtime.embedded import LOOPBACK, Server

_OK = 200


@dataclass(frozen=True)
class TritonAddress:
    """Where the server is, and the folder that it reads models from."""

    url: str
    repository: Path


class TritonProcess(Server):
    """Sweeps up the processes and the shared memory that a killed one leaves."""

    def __init__(
        self, folder: Path, port: int, *, repository: str = "", env: Mapping[str, str] | None = None
    ) -> None:
        """`repository` is another than the folder `models`; `env` goes to the server."""
        packages = _packages()
        self._shared = f"andon-triton-{port}"
        (folder / "models").mkdir(exist_ok=True)
        bundle = packages / "pytriton" / "tritonserver"
        command = [
            str(bundle / "bin" / "tritonserver"),
            f"--model-repository={repository or folder / 'models'}",
            f"--backend-directory={_backends(folder / 'backends', bundle)}",
            f"--http-address={LOOPBACK}", f"--http-port={port}",
            "--allow-grpc=false", "--allow-metrics=false",
            "--model-control-mode=explicit",
            f"--backend-config=python,shm-region-prefix-name={self._shared}",
            "--exit-timeout-secs=5",
        ]  # fmt: skip
        libraries = (_shared_python(), str(packages / "nvidia_pytriton.libs"))
        super().__init__(
            "triton",
            command,
            lambda: _is_ready(port),
            log=folder / "triton.log",
            env={
                "LD_LIBRARY_PATH": ":".join(libraries),
                "PYTHONPATH": str(packages),
                "PATH": f"{packages.parents[2] / 'bin'}:{os.environ['PATH']}",
                "CUDA_VISIBLE_DEVICES": "",
                **(env or {}),
            },
        )

    def kill(self) -> None:
        group = self._process.pid if self._process else None
        super().kill()
        if group:
            with suppress(ProcessLookupError):  # each model lives in a process of its own, which lingers
                os.killpg(group, signal.SIGKILL)
        for left in Path("/dev/shm").glob(f"{self._shared}*"):  # noqa: S108 - where it puts them
            left.unlink(missing_ok=True)


def _shared_python() -> str:
    """Where the backend finds Python's own library; without it a load would never end."""
    name, folder = (
        f"libpython{sysconfig.get_python_version()}.so.1.0",
        sysconfig.get_config_var("LIBDIR") or "",
    )
    try:
        ctypes.CDLL(str(Path(folder, name)) if Path(folder, name).exists() else name)
    except OSError:
        pytest.skip(f"Triton's backend needs {name}, which this Python was built without")
    return folder


def _packages() -> Path:
    for folder in (parent for start in (Path.cwd(), Path(__file__)) for parent in (start, *start.parents)):
        lib = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / ".venv-triton" / "lib" / lib / "site-packages"
        if (packages / "pytriton").exists():
            return packages
    pytest.skip("no Triton server is installed: scripts/setup --tests puts one into .venv-triton")


def _backends(folder: Path, bundle: Path) -> Path:
    """The server's own backend for Python, and one in Python that is called onnxruntime."""
    stub = f"{sys.version_info.major}.{sys.version_info.minor}"
    # Copies: the server takes no library that lies behind a link.
    shutil.copytree(bundle / "backends" / "python", folder / "python", dirs_exist_ok=True)
    shutil.copy2(bundle / "python_backend_stubs" / stub / "triton_python_backend_stub", folder / "python")
    (folder / "onnxruntime").mkdir(exist_ok=True)
    shutil.copy2(Path(__file__).with_name("_triton_backend.py"), folder / "onnxruntime" / "model.py")
    return folder


def _is_ready(port: int) -> bool:
    asking = http.client.HTTPConnection(LOOPBACK, port, timeout=2)
    try:
        asking.request("GET", "/v2/health/ready")
        return asking.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        asking.close()
