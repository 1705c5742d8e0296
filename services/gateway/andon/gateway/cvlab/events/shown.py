"""What happens, in the words of helpers' dashboards: updates of devices, of the queue and of runs."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from andon.contracts import Event, Message, queue, sync
from andon.contracts.queue import Device, DeviceDeleted, JobChanged, JobDeleted, JobProgressed
from andon.contracts.sync import Experiment, FileChanged
from andon.gateway.cvlab.device_facts import device_view
from andon.gateway.cvlab.events.names import Named, Names
from andon.gateway.cvlab.jobs.words import priority_of, status_of
from andon.gateway.realtime.feed import Channel

RUN_FILES = frozenset({".yaml", ".csv", ".pt", ".pth"})
"""Endings of files below logs/ that are told of."""
QUEUE_FILES = frozenset({"config.yaml", "terminal_log.log", "terminal_err.log"})
"""Files below queue_logs/ that are told of."""
_RUN, _EXPERIMENT = "run", "experiment"


class Topic(StrEnum):
    """What clients of the WebSocket subscribe to."""

    ALL = "all"
    QUEUE = "queue"
    DEVICES = "devices"
    RUNS = "runs"
    NODES = "nodes"
    """Of graphs that are edited together; there are none yet."""


def channels(names: Names) -> Mapping[Event[Any], Channel]:
    """The events that are told, each under its topic."""
    return {
        queue.DEVICE_CHANGED: Channel(Topic.DEVICES, _told("device_update", _device(names))),
        queue.DEVICE_DELETED: Channel(Topic.DEVICES, _told("device_removed", _forgotten)),
        queue.JOB_CHANGED: Channel(_of_ours(names), _told("queue_update", _changed)),
        queue.JOB_PROGRESSED: Channel(_of_ours(names), _told("queue_update", _progressed(names))),
        queue.JOB_DELETED: Channel(_of_ours(names), _told("queue_update", _deleted)),
        sync.FILE_CHANGED: Channel(_topic_of_file, _file(names)),
        sync.EXPERIMENT_CHANGED: Channel(_synced_topic, _told("queue_update", _synced)),
    }


def repeats(message: Message) -> str | None:
    """A log that grows is told of once in a while, each result at once."""
    if not isinstance(message, FileChanged) or _topic_of_file(message) is not Topic.QUEUE:
        return None
    return f"{message.uid}:{_event_of(message, 'file_')}"


def _told(kind: str, data: Callable[[Any], dict[str, Any]]) -> Callable[[Any], Mapping[str, Any]]:
    def told(message: Any) -> Mapping[str, Any]:
        at = getattr(message, "at", None) or getattr(message, "last_heartbeat", None)
        return {"type": kind, "data": data(message), "timestamp": (at or message.registered_at).isoformat()}

    return told


def _of_ours(names: Names) -> Callable[[Any], str | None]:
    def topic(message: Any) -> str | None:
        named = names.of(message.id)
        return Topic.QUEUE if named is not None and named.ours else None

    return topic


def _device(names: Names) -> Callable[[Device], dict[str, Any]]:
    def data(device: Device) -> dict[str, Any]:
        uids = [named.uid if (named := names.of(each)) else each for each in device.active_jobs]
        return device_view(device, uids).model_dump(mode="json")

    return data


def _forgotten(gone: DeviceDeleted) -> dict[str, Any]:
    return {"host_id": gone.id}


def _changed(changed: JobChanged) -> dict[str, Any]:
    failed = bool(changed.error)
    before = None if changed.previous is None else status_of(changed.previous, failed=failed)
    now = status_of(changed.status, failed=failed)
    event = "created" if before is None else "changed" if before is now else "status_changed"
    return {
        "event_type": event,
        "action": "updated",
        "experiment_uid": changed.aliases.cvlab or changed.id,
        "name": changed.name,
        "project": changed.project,
        "status": now.value,
        "previous_status": before.value if before else None,
        "priority": priority_of(changed.priority).value,
        "assigned_device": changed.device,
        "error_message": changed.error or None,
        "exit_code": changed.exit_code,
        "progress": changed.progress,
        "retry_count": changed.retry_count,
        "stop_requested": changed.stop_requested,
        "pause_requested": changed.pause_requested,
        "by": changed.by,
    }


def _progressed(names: Names) -> Callable[[JobProgressed], dict[str, Any]]:
    def data(told: JobProgressed) -> dict[str, Any]:
        named = names.of(told.id)
        return {
            "event_type": "progress",
            "action": "progressed",
            "experiment_uid": named.uid if named else told.id,
            "assigned_device": told.device,
            "progress": told.progress,
            "current_epoch": told.step,
            "total_epochs": told.total_steps,
            "current_metrics": told.metrics,
        }

    return data


def _deleted(gone: JobDeleted) -> dict[str, Any]:
    uid = gone.aliases.cvlab or gone.id
    return {"event_type": "deleted", "action": "removed", "experiment_uid": uid, "project": gone.project}


def _synced(experiment: Experiment) -> dict[str, Any]:
    return {
        "event_type": "sync",
        "action": "synced",
        "experiment_uid": experiment.uid,
        "sync_status": experiment.status.value,
        "recovery_checkpoint": experiment.checkpoint or None,
        "worker_host_id": experiment.host,
    }


def _synced_topic(_experiment: Experiment) -> str:
    return Topic.QUEUE


def _topic_of_file(file: FileChanged) -> str | None:
    path = PurePosixPath(file.path)
    if any(part.startswith(".") for part in path.parts) or path.name.endswith(".tmp"):
        return None
    if path.parts[0] == _RUN and path.suffix.lower() in RUN_FILES:
        return Topic.RUNS
    if path.parts[0] == _EXPERIMENT and path.name in QUEUE_FILES:
        return Topic.QUEUE
    return None


def _file(names: Names) -> Callable[[FileChanged], Mapping[str, Any]]:
    def told(file: FileChanged) -> Mapping[str, Any]:
        named = names.of(file.uid)
        of_run = _topic_of_file(file) is Topic.RUNS
        data = _run_file(file, named) if of_run else _queue_file(file)
        kind = "run_update" if of_run else "queue_update"
        return {"type": kind, "data": data, "timestamp": file.at.isoformat()}

    return told


def _run_file(file: FileChanged, named: Named | None) -> dict[str, Any]:
    _, _, path = file.path.partition("/")
    project = named.project if named else None
    return {
        "event_type": _event_of(file),
        "project": project,
        "file_path": f"logs/{project}/{path}" if project else path,
        "file_type": PurePosixPath(path).suffix.lower(),
        "run_info": {
            "run_name": named.run if named else file.uid,
            "experiment_uid": file.uid,
            "size": file.size,
            "offset": file.offset,
        },
    }


def _queue_file(file: FileChanged) -> dict[str, Any]:
    name = PurePosixPath(file.path).name
    return {
        "event_type": _event_of(file, "file_"),
        "action": "reindexed",
        "experiment_uid": file.uid,
        "file_path": f"queue_logs/{file.uid}/{name}",
        "size": file.size,
    }


def _event_of(file: FileChanged, before: str = "") -> str:
    return f"{before}{'created' if file.generation <= 1 and file.offset == 0 else 'modified'}"
