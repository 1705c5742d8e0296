"""What dashboards are told of the feed, in the words of the inspection API."""

from collections.abc import Callable, Mapping
from typing import Any

from andon.contracts import Event, alerting, inspection, station, training
from andon.gateway.images import Images
from andon.gateway.realtime.feed import Channel
from andon.gateway.visual_inspection.views import alert_view, inspection_view, model_view, station_view


def channels(images: Images) -> Mapping[Event[Any], Channel]:
    """The events of the feed and how each is shown."""

    def part(record: inspection.Inspection) -> dict[str, Any]:
        return inspection_view(record, images).model_dump(mode="json")

    alert = Channel("alert", lambda found: alert_view(found).model_dump(mode="json"))
    return {
        inspection.PART_JUDGED: Channel("inspection", part),
        inspection.FRAME_REFUSED: Channel("refused", _plain()),
        inspection.RECORD_DELETED: Channel("deleted", _plain()),
        station.CHANGED: Channel("station", station_view),
        alerting.OPENED: alert,
        alerting.ACKNOWLEDGED: alert,
        alerting.RESOLVED: alert,
        training.FIT_PROGRESSED: Channel("fit", _plain()),
        training.MODEL_FITTED: Channel("model", model_view),
        training.MODEL_DEPLOYED: Channel("deployment", _plain({"thresholds": {"calibration"}})),
    }


def _plain(exclude: Any = None) -> Callable[[Any], dict[str, Any]]:
    return lambda message: message.model_dump(mode="json", exclude=exclude)
