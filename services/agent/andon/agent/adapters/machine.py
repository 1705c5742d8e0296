"""What this machine has and does: psutil's figures, and NVML's where there is one."""

import os
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import psutil

from andon.contracts.queue import DeviceFacts, Gpu
from andon.runtime import optional

_GIT_SECONDS = 5


class Machine:
    """Facts, gathered on a thread: NVML and disks may take their time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._nvml = _nvml()
        self._fixed = self._look_once()
        psutil.cpu_percent()  # the first one tells of nothing

    def facts(self, reserve: int = 0) -> DeviceFacts:
        """As of now; of the disk, what is free beyond `reserve` bytes."""
        memory = psutil.virtual_memory()
        gpus = self._gpus()
        utils = [each.util for each in gpus if each.util is not None]
        heat = [each.temperature for each in gpus if each.temperature is not None]
        power = [each.power_usage for each in gpus if each.power_usage is not None]
        return DeviceFacts(
            **self._fixed,
            cpu_util=min(max(psutil.cpu_percent(), 0.0), 100.0),
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_free=max(shutil.disk_usage(self._folder).free - reserve, 0),
            gpu_count=len(gpus),
            gpu_util=sum(utils) / len(utils) if utils else None,
            vram_used=sum(each.vram_used for each in gpus),
            vram_total=sum(each.vram_total for each in gpus),
            gpu_temperature=max(heat) if heat else None,
            gpu_power_usage=sum(power) if power else None,
            gpus=gpus,
            clock=datetime.now(UTC),
        )

    def _look_once(self) -> dict[str, Any]:
        return {
            "hostname": socket.gethostname(),
            "address": _address(),
            "platform": platform.platform(),
            "agent_version": _version("andon-agent") or "",
            "cpu_cores": _cores(),
            "torch_version": _torch_version(),
            "cuda_version": self._cuda(),
            "code_version": _code_version(),
        }

    def _cuda(self) -> str | None:
        if self._nvml is None:
            return None
        with suppress(self._nvml.NVMLError):
            number = self._nvml.nvmlSystemGetCudaDriverVersion()
            return f"{number // 1000}.{number % 1000 // 10}"
        return None

    def _gpus(self) -> tuple[Gpu, ...]:
        if self._nvml is None:
            return ()
        try:
            count = self._nvml.nvmlDeviceGetCount()
        except self._nvml.NVMLError:
            return ()
        return tuple(gpu for index in range(count) if (gpu := self._gpu(index)) is not None)

    def _gpu(self, index: int) -> Gpu | None:
        nvml = self._nvml
        try:
            handle = nvml.nvmlDeviceGetHandleByIndex(index)
            memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError:
            return None  # fallen off the bus: not one to give away
        name = _asked(nvml, nvml.nvmlDeviceGetName, handle) or ""
        util = _asked(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
        power = _asked(nvml, nvml.nvmlDeviceGetPowerUsage, handle)
        return Gpu(
            id=index,
            name=name.decode() if isinstance(name, bytes) else name,
            util=None if util is None else float(util.gpu),
            vram_used=int(memory.used),
            vram_total=int(memory.total),
            temperature=_asked(nvml, nvml.nvmlDeviceGetTemperature, handle, nvml.NVML_TEMPERATURE_GPU),
            power_usage=None if power is None else power / 1000,
        )


def _asked(nvml: Any, question: Any, *arguments: Any) -> Any:
    """None where this card does not tell."""
    try:
        return question(*arguments)
    except nvml.NVMLError:
        return None


def _nvml() -> Any:
    """NVIDIA's library, begun; None where there is none."""
    try:
        import pynvml  # noqa: PLC0415 # pyright: ignore[reportMissingImports] - an extra, for machines with GPUs
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml


def _cores() -> float:
    try:
        return float(len(os.sched_getaffinity(0)))
    except AttributeError:
        return float(os.cpu_count() or 1)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _address() -> str:
    """The first one that others may reach."""
    for addresses in psutil.net_if_addrs().values():
        for each in addresses:
            if each.family == socket.AF_INET and not each.address.startswith("127."):
                return each.address
    return ""


def _torch_version() -> str | None:
    """Of the one that the trainer would load, which has an environment of its own."""
    folder = optional("torch")
    found = distributions(name="torch", path=[str(folder)]) if folder else ()
    return next((each.version for each in found), None)


def _code_version() -> dict[str, Any]:
    """Of the folder the agent was started in, where git knows it, and of what is installed."""
    installed = {name: found for name in ("andon-agent", "torch", "numpy") if (found := _version(name))}
    told: dict[str, Any] = {"versions": {"python": platform.python_version(), **installed}}
    if (commit := _git("rev-parse", "HEAD")) is not None:
        told |= {"git_hash": commit, "branch": _git("rev-parse", "--abbrev-ref", "HEAD")}
        told["git_dirty"] = bool(_git("status", "--porcelain", "--untracked-files=no"))
    return told


def _git(*arguments: str) -> str | None:
    try:
        done = _run(("git", *arguments))
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else None


def _run(command: Iterable[str]) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(tuple(command), capture_output=True, timeout=_GIT_SECONDS, check=False)  # noqa: S603 - ours
