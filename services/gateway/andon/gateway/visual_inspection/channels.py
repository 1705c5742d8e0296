"""What dashboards are told of the feed, in the words of the inspection API."""

from collections.abc import Callable, Mapping
from typing import Any

from andon.contracts import (
    Event,
    alerting,
    batch,
    config,
    dataset,
    fieldbus,
    inspection,
    learning,
    opcua,
    queue,
    review,
    rollout,
    station,
    training,
)
from andon.gateway.images import Images
from andon.gateway.realtime.feed import Channel
from andon.gateway.visual_inspection.active_learning_views import item_view
from andon.gateway.visual_inspection.batch_views import job_view
from andon.gateway.visual_inspection.training import run_view
from andon.gateway.visual_inspection.views import alert_view, inspection_view, model_view, station_view

_BINS = {"scores", "ranks", "brightness"}


def channels(images: Images) -> Mapping[Event[Any], Channel]:
    """The events of the feed and how each is shown."""

    def part(record: inspection.Inspection) -> dict[str, Any]:
        return inspection_view(record, images).model_dump(mode="json")

    alert = Channel("alert", lambda found: alert_view(found).model_dump(mode="json"))
    return {
        inspection.PART_JUDGED: Channel("inspection", part),
        inspection.FRAME_REFUSED: Channel("refused", _plain()),
        inspection.RECORD_DELETED: Channel("deleted", _plain()),
        inspection.EVIDENCE_REMOVED: Channel("cleanup", _plain()),
        station.CHANGED: Channel("station", station_view),
        alerting.OPENED: alert,
        alerting.ACKNOWLEDGED: alert,
        alerting.RESOLVED: alert,
        alerting.CHANGED: alert,
        alerting.RULE_CHANGED: Channel("alert-rule", _plain()),
        alerting.SILENCE_CHANGED: Channel("alert-silence", _plain()),
        alerting.CHANNEL_CHANGED: Channel("alert-channel", _plain()),
        batch.PROGRESSED: Channel("batch", lambda found: job_view(found).model_dump(mode="json")),
        dataset.BUILT: Channel("dataset", _plain()),
        dataset.APPROVED: Channel("dataset", _plain()),
        review.ITEM_QUEUED: Channel("review", lambda item: item_view(item, images).model_dump(mode="json")),
        review.ANNOTATION_MADE: Channel("annotation", _plain()),
        training.FIT_PROGRESSED: Channel("fit", _plain()),
        learning.CHANGED: Channel("training", run_view),
        training.MODEL_FITTED: Channel("model", model_view),
        rollout.CHANGED: Channel("rollout", _plain({"new": _BINS, "old": _BINS})),
        rollout.ROLLED_BACK: Channel("rollback", _plain()),
        rollout.VERSION_DELETED: Channel("model-deleted", _plain()),
        rollout.DRIFT_STARTED: Channel("drift", lambda found: {"drifting": True} | _plain()(found)),
        rollout.DRIFT_ENDED: Channel("drift", lambda found: {"drifting": False} | _plain()(found)),
        queue.JOB_CHANGED: Channel("job", _plain({"requirements"})),
        queue.JOB_PROGRESSED: Channel("job-progress", _plain()),
        queue.JOB_DELETED: Channel("job-deleted", _plain()),
        queue.DEVICE_CHANGED: Channel("device", _plain()),
        queue.DEVICE_DELETED: Channel("device-deleted", _plain()),
        training.MODEL_DEPLOYED: Channel("deployment", _plain({"thresholds": {"calibration"}})),
        config.CHANGED: Channel("config", lambda document: {"revision": document.revision}),
        fieldbus.CHANGED: Channel("fieldbus", _plain()),
        opcua.CLIENTS_CHANGED: Channel("opcua-clients", _plain()),
        opcua.CERTIFICATES_CHANGED: Channel("opcua-certificates", _plain()),
    }


def _plain(exclude: Any = None) -> Callable[[Any], dict[str, Any]]:
    return lambda message: message.model_dump(mode="json", exclude=exclude)
