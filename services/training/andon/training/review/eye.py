"""`python -m andon.training.review.eye`: images in on standard input, what they look like out as lines."""

import json
import os
import struct
import sys
from base64 import b64encode
from importlib import resources
from typing import BinaryIO

import cv2
import numpy as np

from andon.contracts import Refused
from andon.serving import decode_full, look
from andon.training.review.likeness import pooled


def main() -> int:
    """Answers until its input ends: each request is two lengths, a JSON box or null, and the image."""
    import openvino as ov  # noqa: PLC0415 - a second to load, and only this process needs it

    lines = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    cv2.setNumThreads(1)
    core = ov.Core()
    packaged = resources.files("andon.training") / "backbone" / "efficientnet-lite0.onnx"
    hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(model=packaged.read_bytes()), "CPU", hints)
    while request := _request(sys.stdin.buffer):
        box, data = request
        try:
            pixels = decode_full(data).pixels
            if box is not None:
                pixels = np.ascontiguousarray(pixels[box[1] : box[3], box[0] : box[2]])
            features = next(iter(compiled(look(pixels)[None]).values()))[0]
            answer = {"vector": b64encode(pooled(features).astype(np.float32).tobytes()).decode()}
        except Refused as refused:
            answer = {"refused": str(refused)}
        lines.write(json.dumps(answer).encode() + b"\n")
        lines.flush()
    return 0


def _request(source: BinaryIO) -> tuple[list[int] | None, bytes] | None:
    head = source.read(8)
    if len(head) < 8:  # noqa: PLR2004 - two lengths
        return None
    about, size = struct.unpack(">II", head)
    box = json.loads(source.read(about))
    return box, source.read(size)


if __name__ == "__main__":
    sys.exit(main())
