"""How well models tell defects, by how many labels, and at what cost. `scripts/bench quality`.

On photographs in MVTec's layout (and bare boards with boxes) below --data, on generated parts without them.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import cv2
import numpy as np
from numpy.typing import NDArray
from quality_detector import Part, found_again, measured, plates
from quality_peers.beside import beside
from quality_peers.table import table, write

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import Evaluation, LabelledImage, Parameters, RunKind
from andon.contracts.training import Head
from andon.serving import crops, decode_full
from andon.training.domain.lessons import Lesson
from andon.training.fitting import pooled, regions
from andon.training.fitting.backbone import Runner
from andon.training.fitting.lesson import run

ROOT = Path(__file__).parents[1]
SETS = ("cookies", "ball-screw")
MOST_POINTS = 500
FIRST, EACH, ROUNDS, SEEDS = 20, 15, 6, 4
"""Labels to begin with, labels per round, rounds, and how often it is repeated."""

Floats = NDArray[np.float32]


def photographs(folder: Path) -> list[Part]:
    """A set in MVTec's layout: outlines from masks, or from labelme's polygons."""
    parts = [_good(path, held_out=False) for path in _images(folder / "train" / "good")]
    parts += [_good(path, held_out=True) for path in _images(folder / "test" / "good")]
    for kind in sorted((folder / "test").iterdir()):
        if kind.name != "good":
            parts += [_defect(path, folder) for path in _images(kind)]
    return parts


def _images(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))


def _good(path: Path, *, held_out: bool) -> Part:
    return LabelledImage(key=str(path), verdict=Verdict.GOOD, held_out=held_out), path


def _defect(path: Path, folder: Path) -> Part:
    kind = path.parent.name
    shapes = tuple(_outlined(kind, points) for points in _outlines(path, folder) if len(points) > 2)  # noqa: PLR2004
    return LabelledImage(key=str(path), verdict=Verdict.DEFECT, shapes=shapes, held_out=True), path


def _outlines(path: Path, folder: Path) -> Iterator[list[tuple[float, float]]]:
    kind = path.parent.name
    polygons = folder / "labelme" / kind / f"{path.stem}.json"
    if polygons.exists():
        for shape in json.loads(polygons.read_text())["shapes"]:
            yield [(float(x), float(y)) for x, y in shape["points"]][:MOST_POINTS]
    for mask in (folder / "ground_truth" / kind).glob(f"{path.stem}.*"):
        grey = np.asarray(cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE))
        found, _ = cv2.findContours((grey > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        for contour in found:
            yield [(float(x), float(y)) for [[x, y]] in cv2.approxPolyDP(contour, 1.0, closed=True)]


def _outlined(kind: str, points: list[tuple[float, float]]) -> Shape:
    low, high = np.floor(np.min(points, axis=0)), np.ceil(np.max(points, axis=0)) + 1
    box = (int(max(low[0], 0)), int(max(low[1], 0)), int(high[0]), int(high[1]))
    return Shape(class_name=kind, bbox=box, polygon=tuple(points))


def generated(folder: Path) -> list[Part]:
    """Plates with and without a scratch, where there are no photographs."""
    sys.path.insert(0, str(ROOT / "services" / "training" / "tests"))
    from training_parts import jpeg, part  # noqa: PLC0415  # pyright: ignore[reportMissingImports] - the tests' own

    folder.mkdir(parents=True)
    parts: list[Part] = []
    for number in range(120):
        bad = number >= 100  # noqa: PLR2004
        path = folder / f"{number}.jpg"
        path.write_bytes(jpeg(part(number, scratched=bad)))
        verdict = Verdict.DEFECT if bad else Verdict.GOOD
        held_out = number >= 60  # noqa: PLR2004
        parts.append((LabelledImage(key=path.name, verdict=verdict, held_out=held_out), path))
    return parts


def fitted(name: str, parts: list[Part], head: Head, folder: Path) -> dict[str, Any]:
    """One set, one head: fitted from its good parts, judged on the rest."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "images").mkdir(parents=True)
    for number, (_, path) in enumerate(parts):
        (folder / "images" / str(number)).symlink_to(path.resolve())
    images = tuple(image for image, _ in parts)
    lesson = Lesson(kind=RunKind.ANOMALY, version_id=name, images=images, parameters=Parameters(head=head))
    result = run(lesson, folder, None, lambda *_: None)
    assert result.fit is not None
    assert result.evaluation is not None
    return {"set": name, "head": result.fit.head.value, **_row(result.evaluation, result.metrics)}


def _row(found: Evaluation, metrics: dict[str, float]) -> dict[str, Any]:
    whole = found.all
    return {
        "good": metrics["images"],
        "held_out": whole.parts,
        "auroc": whole.image_auroc,
        "pro": found.pixel_pro,
        "false_accept": whole.false_accept and whole.false_accept.value,
        "false_reject": whole.false_reject and whole.false_reject.value,
        "fit_s": metrics["fit_seconds"],
        "ms": found.latency and found.latency.median_ms,
    }


def boards(folder: Path) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Descriptions of all outlined defects, their classes, and which board each is on."""
    runner = Runner(pooled.describer(), threads=2)
    seen: list[Floats] = []
    classes: list[int] = []
    origin: list[int] = []
    for number, lines in enumerate(sorted((folder / "annotations").glob("*.txt"))):
        rows = [list(map(int, line.split())) for line in lines.read_text().splitlines() if line.strip()]
        image = next((folder / "images").glob(f"{lines.stem}.*"))
        pixels = decode_full(image.read_bytes()).pixels
        seen.append(runner.descriptions(crops(pixels, [(r[0], r[1], r[2], r[3]) for r in rows])))
        classes += [row[4] for row in rows]
        origin += [number] * len(rows)
    return np.concatenate(seen), np.array(classes), np.array(origin)


def curve(
    seen: Floats, classes: NDArray[np.int64], origin: NDArray[np.int64], *, by_margin: bool
) -> dict[int, float]:
    """Accuracy on held-out boards by labels given, chosen by the smallest margin or at random."""
    pool, test = np.flatnonzero(origin % 2 == 0), np.flatnonzero(origin % 2 == 1)
    gained: dict[int, list[float]] = {}
    for seed in range(SEEDS):
        generator = np.random.default_rng(seed)
        labelled = list(generator.permutation(pool)[:FIRST])
        for _ in range(ROUNDS):
            fit = regions._fitted(seen[labelled], classes[labelled])  # noqa: SLF001 - the very thing measured
            gained.setdefault(len(labelled), []).append(float(fit.score(seen[test], classes[test])))
            rest = np.setdiff1d(pool, labelled)
            top = np.sort(fit.predict_proba(seen[rest]), axis=1)
            order = np.argsort(top[:, -1] - top[:, -2]) if by_margin else generator.permutation(len(rest))
            labelled += list(rest[order[:EACH]])
    return {count: float(np.mean(found)) for count, found in gained.items()}


def classes_cost(seen: Floats, classes: NDArray[np.int64]) -> float:
    """Seconds of one fit from 150 outlines, descriptions at hand."""
    began = time.perf_counter()
    regions._fitted(seen[:150], classes[:150])  # noqa: SLF001 - as above
    return time.perf_counter() - began


def _anomalies(data: Path, heads: list[Head]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sets = {name: photographs(data / name) for name in SETS if (data / name).is_dir()}
        for name, parts in (sets or {"generated": generated(folder / "parts")}).items():
            for head in heads:
                rows.append(fitted(name, parts, head, folder / "run"))
                print(" ".join(f"{key}={_short(value)}" for key, value in rows[-1].items()), flush=True)
    return rows


def _beside(data: Path, bank: int, most: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sets = {name: photographs(data / name) for name in SETS if (data / name).is_dir()}
        for name, parts in (sets or {"generated": generated(folder / "parts")}).items():
            row = fitted(name, parts, Head.AUTO, folder / "run")
            rows += beside(row, parts, folder / "run", bank, most)
            print(table(rows), flush=True)
    return rows


def _masks(data: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        sets = {name: photographs(data / name) for name in SETS if (data / name).is_dir()}
        for name, parts in (sets | {"plates": plates(folder / "parts")}).items():
            rows.append(measured(name, parts, folder / "run"))
            print(" ".join(f"{key}={_short(value)}" for key, value in rows[-1].items()), flush=True)
    return rows


def _classes(folder: Path) -> dict[str, Any]:
    seen, classes, origin = boards(folder)
    figures: dict[str, Any] = {"fit_seconds_150_outlines": classes_cost(seen, classes)}
    for name, by_margin in (("margin", True), ("random", False)):
        figures[name] = curve(seen, classes, origin, by_margin=by_margin)
        print(name, " ".join(f"{count}:{value:.3f}" for count, value in figures[name].items()), flush=True)
    print(f"fit of 150 outlines: {figures['fit_seconds_150_outlines']:.2f} s")
    return figures


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--head", type=Head, action="append", default=None, help="by default auto")
    parser.add_argument("--only", choices=("anomaly", "classes", "detector", "masks"), help="by default all")
    parser.add_argument(
        "--peers", action="store_true", help="anomalib beside the anomaly models: installs 1.8 GB"
    )
    parser.add_argument(
        "--bank", type=int, default=1000, help="patches that PatchCore keeps: ours keeps as many"
    )
    parser.add_argument(
        "--most", type=int, default=50, help="good parts above which PatchCore is left out: it needs hours"
    )
    parser.add_argument(
        "--write", action="store_true", help="with --peers, the table into docs/benchmarks.md"
    )
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    asked = parser.parse_args()
    figures: dict[str, Any] = {}
    if asked.only in (None, "anomaly") and asked.peers:
        figures["peers"] = _beside(asked.data, asked.bank, asked.most)
        if asked.write:
            write(table(figures["peers"]), ROOT / "docs" / "benchmarks.md")
    elif asked.only in (None, "anomaly"):
        figures["anomaly"] = _anomalies(asked.data, asked.head or [Head.AUTO])
    if asked.only in (None, "classes") and (asked.data / "pcb").is_dir():
        figures |= _classes(asked.data / "pcb")
    if asked.only in (None, "detector") and (asked.data / "pcb").is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            row = found_again(asked.data / "pcb", Path(scratch))
        figures["detector"] = row
        print("detector " + " ".join(f"{key}={_short(value)}" for key, value in row.items()), flush=True)
    if asked.only in (None, "masks"):
        figures["masks"] = _masks(asked.data)
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1))


def _short(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
