"""Valid contract messages; name only what a test is about."""

from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import NAMESPACE_URL, uuid5

from andon.contracts import Message
from andon.contracts.alerting import Alert, AlertState, Severity
from andon.contracts.inspection import Decision, FrameCaptured, Inspection, StoredImage, Times
from andon.contracts.station import Mode, ModelFile, ModelRef, Recipe, Station, Thresholds
from andon.contracts.training import Head, ModelVersion

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
"""When everything happens unless a test says otherwise."""

M = TypeVar("M", bound=Message)


def _built(kind: type[M], defaults: dict[str, Any], changes: dict[str, Any]) -> M:
    unknown = changes.keys() - kind.model_fields.keys()
    if unknown:
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    return kind(**{**defaults, **changes})


def frame(**changes: Any) -> FrameCaptured:
    """A frame of station `default`; its image is the message's body."""
    defaults = {
        "station_id": "default",
        "part_id": "part-1",
        "frame_id": "frame-1",
        "captured_at": NOON,
        "content_type": "image/jpeg",
    }
    return _built(FrameCaptured, defaults, changes)


def inspection(**changes: Any) -> Inspection:
    """A passed part; `decision` moves the score to where it belongs."""
    decision = Decision(changes.get("decision", Decision.PASS))
    score = {Decision.PASS: 0.1, Decision.UNCERTAIN: 0.55, Decision.FAIL: 0.9}[decision]
    place = f"{changes.get('station_id', 'default')}/{changes.get('frame_id', 'frame-1')}"
    defaults = {
        "id": str(uuid5(NAMESPACE_URL, place)),
        "frame_id": "frame-1",
        "station_id": "default",
        "part_id": "part-1",
        "decision": decision,
        "confidence": 0.9,
        "anomaly_score": score,
        "uncertain_above": 0.5,
        "fail_above": 0.6,
        "objects_found": len(changes.get("detections", ())),
        "recipe_revision": 1,
        "model_version": "model-1",
        "model_digest": "0" * 64,
        "captured_at": NOON,
        "judged_at": NOON,
        "times": Times(decode_ms=1.0, inference_ms=5.0, total_ms=8.0),
        "width": 640,
        "height": 480,
    }
    return _built(Inspection, defaults, changes)


def stored_image(**changes: Any) -> StoredImage:
    """A small JPEG kept as evidence."""
    defaults = {
        "key": "evidence/default/frame-1.jpg",
        "content_type": "image/jpeg",
        "size": 1000,
        "width": 640,
        "height": 480,
        "sha256": "1" * 64,
    }
    return _built(StoredImage, defaults, changes)


def model_ref(**changes: Any) -> ModelRef:
    """A model that no runtime will find unless `fp32` names a real file."""
    digest = changes.get("digest", "0" * 64)
    defaults = {
        "version_id": "model-1",
        "name": "first model",
        "digest": digest,
        "fp32": ModelFile(key=f"models/{digest}.onnx", sha256=digest, size=1000),
    }
    return _built(ModelRef, defaults, changes)


def thresholds(**changes: Any) -> Thresholds:
    """Pass to 0.5, fail from 0.6."""
    defaults = {"uncertain_above": 0.5, "fail_above": 0.6, "calibration": (0.1, 0.2, 0.3, 0.4, 0.5)}
    return _built(Thresholds, defaults, changes)


def recipe(**changes: Any) -> Recipe:
    """A first revision with a model."""
    defaults = {
        "station_id": "default",
        "revision": 1,
        "model": model_ref(),
        "thresholds": thresholds(),
        "changed_at": NOON,
    }
    return _built(Recipe, defaults, changes)


def station(**changes: Any) -> Station:
    """A station that judges by `recipe()`."""
    identity = changes.get("id", "default")
    defaults = {
        "id": identity,
        "name": "First station",
        "line": "line-1",
        "mode": Mode.JUDGE,
        "recipe": recipe(station_id=identity),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return _built(Station, defaults, changes)


def model_version(**changes: Any) -> ModelVersion:
    """A fitted model, deployed nowhere."""
    identity = changes.get("id", "model-1")
    defaults = {
        "id": identity,
        "name": "first model",
        "station_id": "default",
        "created_at": NOON,
        "head": Head.PADIM,
        "model": model_ref(version_id=identity),
        "thresholds": thresholds(),
        "metrics": {"images": 60.0, "fit_seconds": 3.0, "synthetic_auroc": 0.97},
        "source_sha256": ("2" * 64,),
    }
    return _built(ModelVersion, defaults, changes)


def alert(**changes: Any) -> Alert:
    """An open alert about a low pass rate."""
    defaults = {
        "id": "alert-1",
        "rule": "low-pass-rate",
        "station_id": "default",
        "severity": Severity.WARNING,
        "title": "Pass rate below target",
        "message": "80 % of the last 50 parts passed; the target is 90 %.",
        "state": AlertState.OPEN,
        "timestamp": NOON,
    }
    return _built(Alert, defaults, changes)
