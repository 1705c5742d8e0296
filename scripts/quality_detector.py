"""How well a detector finds again what people outlined, measures it, and decides by it. See bench_quality."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import LabelledImage, RunKind
from andon.contracts.station import Region
from andon.inspection.adapters import picture
from andon.inspection.camera.plate import PlateCamera
from andon.serving import (
    OUTLINED_KEY,
    Detector,
    ModelFiles,
    ServingSettings,
    decode,
    decode_full,
    load,
    look,
    open_session,
)
from andon.serving._outlines import outlined
from andon.training.domain.lessons import DETECTOR, PARENT, Lesson
from andon.training.evaluation.evidence import area_error
from andon.training.evaluation.figures import OVERLAP, Found, average_precision, iou
from andon.training.evaluation.judging import pixels_of
from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.detector.learn import Learned, learn
from andon.training.fitting.lesson import run

BOARDS = {1: "open", 2: "short", 3: "mousebite", 4: "spur", 5: "copper", 6: "pin-hole"}
EVERY = 4
"""Every so manieth outlined part is held out, by its name."""
PLATES, GOOD_PLATES, SMALLEST = 160, 80, 30
"""Parts that are rendered, good ones among them, and pixels of the smallest defect that is outlined."""

MOST_TIMED = 40
"""Held-out parts."""

Part = tuple[LabelledImage, Path]


def found_again(folder: Path, scratch: Path, by: Callable[..., Learned] = learn) -> dict[str, Any]:
    """Boards: a detector from three of four, their clean templates as good parts; mAP50 on the others.

    No picture of a held-out board is learned from, its template neither.
    """
    (scratch / "images").mkdir(parents=True)
    parts: list[LabelledImage] = []
    held_out: list[tuple[Path, tuple[Shape, ...]]] = []
    for number, lines in enumerate(sorted((folder / "annotations").glob("*.txt"))):
        rows = [list(map(int, line.split())) for line in lines.read_text().splitlines() if line.strip()]
        shapes = tuple(
            Shape(class_name=BOARDS[row[4]], bbox=(row[0], row[1], row[2], row[3])) for row in rows
        )
        image, template = (next((folder / kind).glob(f"{lines.stem}.*")) for kind in ("images", "templates"))
        if number % EVERY == EVERY - 1:
            held_out.append((image, shapes))
            continue
        for path, about in ((image, shapes), (template, ())):
            (scratch / "images" / str(len(parts))).symlink_to(path.resolve())
            verdict = Verdict.DEFECT if about else Verdict.GOOD
            parts.append(LabelledImage(key=str(path), verdict=verdict, shapes=about, held_out=False))
    lesson = Lesson(kind=RunKind.DETECTOR, version_id="pcb", images=tuple(parts))
    began, cpu = time.perf_counter(), time.process_time()
    learned = by(lesson, scratch, told, Checkpoints())
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    detector = Detector.open(scratch / learned.file.name, threads=2)
    return {
        "learned": len(parts),
        "held_out": len(held_out),
        "map50": map50(detector, held_out),
        "steps": learned.metrics["steps"],
        "fit_s": seconds,
        "cpu_s": cpu,
        "load": os.getloadavg()[1],
    }


def told(
    _stage: str, fraction: float, message: str, _metrics: Mapping[str, float] = MappingProxyType({}), /
) -> None:
    if "mAP50" in message:
        print(f"  {fraction:.0%} {message}", flush=True)


def map50(detector: Detector, parts: list[tuple[Path, tuple[Shape, ...]]]) -> float:
    """Mean over classes of the average precision at an overlap of half."""
    found = [detector.find(decode_full(path.read_bytes()).pixels, least=0.01) for path, _ in parts]
    precisions: list[float] = []
    for name in BOARDS.values():
        truth = [
            (number, shape.bbox)
            for number, (_, shapes) in enumerate(parts)
            for shape in shapes
            if shape.class_name == name
        ]
        told = [
            Found(number, one.box, one.score)
            for number, some in enumerate(found)
            for one in some
            if one.class_name == name
        ]
        precisions.append(average_precision(told, truth) or 0.0)
    print(
        "  "
        + " ".join(f"{name}:{value:.3f}" for name, value in zip(BOARDS.values(), precisions, strict=True))
    )
    return float(np.mean(precisions))


def plates(folder: Path) -> list[Part]:
    """Rendered plates: good ones, then ones with a defect each, whose true mask is its outline."""
    folder.mkdir(parents=True)
    camera = PlateCamera(seed=3, good_first=GOOD_PLATES, defects=1.0)
    parts: list[Part] = []
    for number in range(PLATES):
        shot, path = camera.shot(number), folder / f"{number}.jpg"
        path.write_bytes(shot.data)
        if shot.mask is None:
            label = LabelledImage(key=str(path), verdict=Verdict.GOOD, held_out=number % EVERY == 0)
            parts.append((label, path))
            continue
        grey = (shot.mask > 0).astype(np.uint8)
        found, _ = cv2.findContours(grey, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        large = [each[:, 0].tolist() for each in found if cv2.contourArea(each) >= SMALLEST]
        shapes = tuple(_shape(shot.truth_class, [(float(x), float(y)) for x, y in each]) for each in large)
        if shapes:
            verdict = Verdict.DEFECT
            parts.append((LabelledImage(key=str(path), verdict=verdict, shapes=shapes, held_out=True), path))
    return parts


def _shape(name: str, points: list[tuple[float, float]]) -> Shape:
    low, high = np.min(points, axis=0), np.max(points, axis=0) + 1
    return Shape(
        class_name=name, bbox=(int(low[0]), int(low[1]), int(high[0]), int(high[1])), polygon=tuple(points)
    )


def measured(name: str, parts: list[Part], folder: Path) -> dict[str, Any]:
    """One set with outlines: an anomaly model and a detector, judged on held-out parts as by a run."""
    outlined = [number for number, (image, _) in enumerate(parts) if image.shapes]
    held = {number for place, number in enumerate(outlined) if place % EVERY == EVERY - 1}
    kept: list[Part] = []
    for number, (image, path) in enumerate(parts):
        if image.verdict is Verdict.GOOD or image.shapes:
            held_out = number in held if image.shapes else image.held_out
            kept.append((image.model_copy(update={"held_out": held_out}), path))
    anomaly, _ = _ran(RunKind.ANOMALY, name, kept, folder / "anomaly", None)
    began, cpu = time.perf_counter(), time.process_time()
    found, metrics = _ran(RunKind.DETECTOR, name, kept, folder / "detector", anomaly)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    detector = Detector.open(folder / "detector" / DETECTOR)
    deciding = found.with_detector
    return {
        "set": name,
        "learned": metrics["parts"],
        "held_out": sum(len(image.shapes) for image, _ in kept if image.held_out),
        "map50": found.map50,
        **_areas(folder / "detector" / DETECTOR, kept),
        "false_accept": _value(found.all.false_accept),
        "false_reject": _value(found.all.false_reject),
        "deciding_false_accept": deciding and _value(deciding.false_accept),
        "deciding_false_reject": deciding and _value(deciding.false_reject),
        "fails_above": detector.fails_above,
        "spared": metrics["spared"],
        "side": metrics["side"],
        **asyncio.run(_cost(detector, anomaly, kept)),
        "fit_s": seconds,
        "cpu_s": cpu,
    }


def _ran(
    kind: RunKind, name: str, parts: list[Part], folder: Path, parent: Path | None
) -> tuple[Any, dict[str, float]]:
    """For the anomaly model its folder, for the detector its evidence."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "images").mkdir(parents=True)
    for number, (_, path) in enumerate(parts):
        (folder / "images" / str(number)).symlink_to(path.resolve())
    images = tuple(image for image, _ in parts)
    lesson = Lesson(kind=kind, version_id=name, images=images)
    if parent is not None:
        shutil.copy(next(parent.glob("model.fp32.onnx")), folder / PARENT)
        limits = json.loads((parent / "result.json").read_text())["fit"]["thresholds"]
        lesson = Lesson.model_validate({**lesson.model_dump(), "thresholds": limits})
    result = run(lesson, folder, None, told)
    assert result.evaluation is not None
    return (folder if parent is None else result.evaluation), result.metrics


def _areas(file: Path, parts: list[Part]) -> dict[str, Any]:
    """How far areas of defects that are found are off: by the mask, and by what differs from around it."""
    detector, session = Detector.open(file, threads=2), open_session(file, 2)
    above = float(session.get_modelmeta().custom_metadata_map[OUTLINED_KEY])
    by_mask: list[tuple[int, int]] = []
    by_ring: list[tuple[int, int]] = []
    given: list[tuple[int, int]] = []
    for image, path in parts:
        if not image.held_out or not image.shapes:
            continue
        pixels = decode_full(path.read_bytes()).pixels
        found = detector.find(pixels, outlines=True)
        [mask] = session.run(["mask"], {"image": look(pixels, None, detector.side)[None]})
        for shape in image.shapes:
            within = outlined(mask[0] - above, shape.bbox, Region(), (pixels.shape[1], pixels.shape[0]))
            given.append((within.area if within else 0, pixels_of(shape)))
            best = max(found, key=lambda one: iou(one.box, shape.bbox), default=None)
            if best is not None and iou(best.box, shape.bbox) >= OVERLAP:
                true = pixels_of(shape)
                by_mask.append((best.outlined.area if best.outlined else 0, true))
                by_ring.append((picture.area(pixels, best.box), true))
    return {
        "found": len(by_mask),
        "area_error_mask": area_error(by_mask),
        "area_error_ring": area_error(by_ring),
        "area_error_in_given_boxes": area_error(given),
    }


async def _cost(detector: Detector, anomaly: Path, parts: list[Part]) -> dict[str, Any]:
    """Milliseconds of the processor for a part, medians: by the anomaly model, and what the detector adds."""
    int8 = anomaly / "model.int8.onnx"
    files = ModelFiles(anomaly / "model.fp32.onnx", int8 if int8.exists() else None)
    predictor = await load(files, ServingSettings(threads=1))
    alone: list[float] = []
    added: list[float] = []
    for _, path in [part for part in parts if part[0].held_out][:MOST_TIMED]:
        data = path.read_bytes()
        began = time.process_time()
        await predictor.predict(look(decode(data).pixels))
        between = time.process_time()
        detector.find(decode_full(data).pixels, outlines=True)
        alone.append((between - began) * 1e3)
        added.append((time.process_time() - between) * 1e3)
    await predictor.close()
    return {"anomaly_cpu_ms": float(np.median(alone)), "detector_adds_cpu_ms": float(np.median(added))}


def _value(share: Any) -> float | None:
    return share and share.value
