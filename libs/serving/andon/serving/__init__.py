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
from andon.serving._host import Hosted, ModelHost
from andon.serving._load import ModelFiles, Runtime, ServingSettings, load, wanted
from andon.serving._onnxruntime import OnnxRuntimePredictor
from andon.serving._openvino import OpenVinoPredictor
from andon.serving._predictor import GRID, Prediction, Predictor
from andon.serving._probe import PROBE_KEY, probe_image

__all__ = [
    "GRID", "MAX_BYTES", "MAX_PIXELS", "MEDIA_TYPES", "PROBE_KEY", "SIDE",
    "Decoded", "Hosted", "ModelFiles", "ModelHost", "OnnxRuntimePredictor", "OpenVinoPredictor",
    "Prediction", "Predictor", "Runtime", "ServingSettings",
    "decode", "decode_full", "load", "look", "probe_image", "wanted",
]  # fmt: skip
