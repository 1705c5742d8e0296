"""Images in, anomaly scores out: decoding, and one Predictor over several runtimes."""

from andon.serving._decode import (
    MAX_BYTES,
    MAX_PIXELS,
    MEDIA_TYPES,
    SIDE,
    Decoded,
    decode,
    decode_full,
    look,
)
from andon.serving._detector import (
    FAILS_KEY,
    MOST_FOUND,
    OUTLINED_KEY,
    SURE_KEY,
    Detected,
    Detector,
    apart,
    distinct,
)
from andon.serving._facts import RuntimeFacts, runtime_facts
from andon.serving._host import Hosted, Loaded, ModelHost
from andon.serving._load import ModelFiles, Runtime, ServingSettings, load, serving_checks, wanted
from andon.serving._onnxruntime import OnnxRuntimePredictor
from andon.serving._openvino import OpenVinoPredictor
from andon.serving._outlines import Outlined
from andon.serving._predictor import GRID, Prediction, Predictor
from andon.serving._probe import PROBE_KEY, ProbeFailed, probe_image
from andon.serving._regions import CLASSES_KEY, REGION_MARGIN, REGION_SIDE, Named, RegionClassifier, crops
from andon.serving._session import open_session
from andon.serving._spots import Spot, spots

__all__ = [
    "CLASSES_KEY",
    "FAILS_KEY",
    "GRID",
    "MAX_BYTES",
    "MAX_PIXELS",
    "MEDIA_TYPES",
    "MOST_FOUND",
    "OUTLINED_KEY",
    "PROBE_KEY",
    "REGION_MARGIN",
    "REGION_SIDE",
    "SIDE",
    "SURE_KEY",
    "Decoded",
    "Detected",
    "Detector",
    "Hosted",
    "Loaded",
    "ModelFiles",
    "ModelHost",
    "Named",
    "OnnxRuntimePredictor",
    "OpenVinoPredictor",
    "Outlined",
    "Prediction",
    "Predictor",
    "ProbeFailed",
    "RegionClassifier",
    "Runtime",
    "RuntimeFacts",
    "ServingSettings",
    "Spot",
    "apart",
    "crops",
    "decode",
    "decode_full",
    "distinct",
    "load",
    "look",
    "open_session",
    "probe_image",
    "runtime_facts",
    "serving_checks",
    "spots",
    "wanted",
]  # fmt: skip
