"""Limits that the kernel holds all processes of a job to, together, where it lets the agent set them."""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_PERIOD = 100_000
"""Microseconds over which a share of the cores is counted, the kernel's default."""
_LEAST_QUOTA = 1000
_CONTROLLERS = ("cpu", "memory")
_DELEGATED = "agent"
"""Where systemd puts the agent with DelegateSubgroup=agent; its jobs' groups come beside it."""


@dataclass(frozen=True)
class Cgroups:
    """Of version 2, `unified` is the group that jobs' groups are made in; of version 1, `split` has one for
    each controller."""

    unified: Path | None = None
    split: Mapping[str, Path] = field(default_factory=dict[str, Path])

    def make(self, name: str, cores: float, memory: int | None) -> list[str]:
        """Folders of groups to join, as many as this machine gives; 0 cores or bytes bound nothing."""
        wanted: dict[Path, dict[str, str]] = {}
        quota = str(max(int(cores * _PERIOD), _LEAST_QUOTA))
        if self.unified is not None:
            limits = {"cpu.max": f"{quota} {_PERIOD}"} if cores else {}
            limits |= {"memory.max": str(memory), "memory.oom.group": "1"} if memory else {}
            wanted = {self.unified / name: limits}
        if cores and "cpu" in self.split:
            wanted[self.split["cpu"] / name] = {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": quota}
        if memory and "memory" in self.split:
            wanted[self.split["memory"] / name] = {"memory.limit_in_bytes": str(memory)}
        return [str(folder) for folder, limits in wanted.items() if limits and _made(folder, limits)]

    def was_starved(self, name: str) -> bool:
        """Whether the kernel killed something in the group because its memory was used up."""
        files = [self.unified / name / "memory.events"] if self.unified is not None else []
        files += [self.split["memory"] / name / "memory.oom_control"] if "memory" in self.split else []
        return any(_count(file, "oom_kill") > 0 for file in files)

    def remove(self, name: str) -> None:
        """Harmless where there is none; one in which something still runs stays."""
        for parent in (self.unified, *self.split.values()):
            if parent is not None:
                with suppress(OSError):
                    (parent / name).rmdir()


def of_this_machine(proc: Path = Path("/proc/self")) -> Cgroups:
    """What the agent may set here; nothing where it may not, or there are none."""
    try:
        memberships = (proc / "cgroup").read_text().splitlines()
        mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    except OSError:
        return Cgroups()
    own: dict[str, str] = {}
    for line in memberships:
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    unified: Path | None = None
    split: dict[str, Path] = {}
    for mount in mounts:
        kind, options = mount[mount.index("-") + 1], mount[-1].split(",")
        if kind == "cgroup2" and "" in own:
            unified = _delegated(_place(mount, own[""]))
        if kind == "cgroup":
            for name in set(options) & set(_CONTROLLERS) & own.keys():
                folder = _place(mount, own[name])
                if os.access(folder, os.W_OK):
                    split[name] = folder
    return Cgroups(unified, split)


def _place(mount: list[str], path: str) -> Path:
    """Of a group, under where its hierarchy is mounted; a container may see but a part of it."""
    root, point = mount[3], Path(mount[4])
    if root != "/" and path.startswith(root):
        path = path[len(root) :]
    return point / path.lstrip("/")


def _delegated(own: Path) -> Path | None:
    """The group over the agent's own, where that is left to it."""
    parent = own.parent
    if own.name != _DELEGATED or not os.access(parent / "cgroup.subtree_control", os.W_OK):
        return None
    given = 0
    for controller in _CONTROLLERS:
        with suppress(OSError):
            (parent / "cgroup.subtree_control").write_text(f"+{controller}")
            given += 1
    return parent if given else None


def _made(folder: Path, limits: Mapping[str, str]) -> bool:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    held = 0
    for file, value in limits.items():
        with suppress(OSError):
            (folder / file).write_text(value)
            held += 1
    return held > 0


def _count(file: Path, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
