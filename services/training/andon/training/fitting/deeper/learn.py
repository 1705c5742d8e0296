"""A detector with a backbone of its own: from outlined parts to the same kind of file, by torch."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch  # pyright: ignore[reportMissingImports] - in an environment of its own
from numpy.typing import NDArray

from andon.contracts import Invalid
from andon.serving import Detector, open_session
from andon.training.domain.lessons import DETECTOR, Lesson
from andon.training.domain.order import FittedFile, Say
from andon.training.fitting.checkpoints import Checkpoints
from andon.training.fitting.deeper.state import Both, kept_step
from andon.training.fitting.deeper.steps import asked, checked, prepared
from andon.training.fitting.deeper.steps import learn as steps_of
from andon.training.fitting.deeper.windows import Bench
from andon.training.fitting.detector.decoding import decode
from andon.training.fitting.detector.examples import gathered, views_of
from andon.training.fitting.detector.export import Head, exported
from andon.training.fitting.detector.learn import FEATURES, STEPS, Learned, course_of, doubts_of, figures_of
from andon.training.fitting.detector.operating import limit, outlined_above, sure_above
from andon.training.fitting.detector.taps import Eye

SAME_SCORES = 1e-3
"""How far the exported file's scores may be from what was learned."""
_COMPARED = 2


def learn(lesson: Lesson, folder: Path, say: Say, kept_before: Checkpoints) -> tuple[Learned, str]:
    """Leave a detector in `folder`/detector.onnx; goes on from what a killed attempt had done.

    With framework and device, which have to be the same for the same file to come out.

    Raises Invalid, naming the image, for an outline outside of it, for too few different parts, and where the
    file does not say what was learned; Unavailable where the disk does not take the features.
    """
    say("look", 0.0, "reading parts", {})
    device = prepared(lesson.threads)
    examples = gathered(lesson, folder)
    views = views_of(examples, lesson.parameters.seed)
    place = kept_before.place(folder)
    course, _ = course_of(lesson, examples, views, place, say)
    course = replace(course, state_path=place / "deeper.pt")
    went_on = kept_step(place / "deeper.pt")
    bench = Bench(course, examples.side, device)

    def tell(step: int, what: str, metrics: Mapping[str, float]) -> None:
        fraction = FEATURES + (STEPS - FEATURES) * step / course.steps
        say("learn", fraction, what or f"step {step} of {course.steps}", metrics)

    state = steps_of(bench, tell)
    say("export", STEPS, "", {})
    best = bench.with_weights(state.best)
    by, plain = checked(bench, best), best.head.plain()
    sure = sure_above(by, *plain)
    data = written(bench, best, examples.classes, sure)
    off = apart(bench, best, data, [view.pixels() for view in views[:_COMPARED]])
    if off > SAME_SCORES:
        raise Invalid(
            f"the exported detector's scores are {off:.4f} off those of the network that was learned"
        )
    bound = limit(Detector.open(data, lesson.threads), examples.spared)
    data = written(bench, best, examples.classes, sure, bound.fails_above, outlined_above(by, *plain))
    (folder / DETECTOR).write_bytes(data)
    learned = Learned(
        file=FittedFile(name=DETECTOR, sha256=hashlib.sha256(data).hexdigest(), size=len(data)),
        classes=examples.classes,
        sure_above=sure,
        limit=bound,
        metrics={
            **figures_of(examples, state.figures, bound),
            "sure_above": sure,
            "export_off": round(off, 7),
        },
        notes=(
            *([f"went on from step {went_on}"] if went_on else []),
            *doubts_of(lesson, examples, state.figures, course),
        ),
    )
    return learned, _trained_with(device)


def _trained_with(device: str) -> str:
    if device == "cuda":
        return f"torch {torch.__version__} on {torch.cuda.get_device_name(0)}, CUDA {torch.version.cuda}"
    return f"torch {torch.__version__} on {device}, {torch.get_num_threads()} threads"


def written(bench: Bench, both: Both, classes: tuple[str, ...], *limits: Any) -> bytes:
    """As `exported` draws head and backbone, with the upper blocks as they were learned."""
    weights, norms = both.head.plain()
    head = Head(weights, norms, bench.course.scaling)
    return both.upper.written(exported(head, bench.side, classes, *limits))


def apart(bench: Bench, both: Both, data: bytes, pictures: list[NDArray[np.uint8]]) -> float:
    """The largest difference between the file's scores, on ONNX Runtime, and the network's own."""
    pixels = np.stack(pictures)
    fine, _ = Eye(bench.side, bench.course.threads).exact(pixels)
    told = asked(bench, both, fine)
    [scores] = open_session(data, bench.course.threads).run(["scores"], {"image": pixels})
    own = [decode(*each).scores for each in zip(told[0], told[1], strict=True)]
    return float(np.abs(np.asarray(scores)[:, : len(own[0])] - np.stack(own)).max())
