"""What the runtimes of this process are."""

from dataclasses import dataclass
from functools import cache

import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
import openvino as ov


@dataclass(frozen=True)
class RuntimeFacts:
    """Of this machine and installation; they don't change while a process runs."""

    devices: tuple[str, ...]
    """That OpenVINO can compile for; empty where it does not work."""
    versions: dict[str, str]


@cache
def runtime_facts() -> RuntimeFacts:
    """Blocking: the first call looks for devices."""
    try:
        devices = tuple(str(each) for each in ov.Core().available_devices)
    except RuntimeError:
        devices = ()
    versions = {
        "openvino": str(ov.__version__).partition("-")[0],
        "onnxruntime": str(onnxruntime.__version__),
    }
    return RuntimeFacts(devices, versions)
