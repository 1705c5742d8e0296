"""A detector from outlined parts to the line, over a real bus, a real database and a real object store."""

import pytest

from andon.contracts import BadRequest, learning, training
from andon.contracts.annotation import Shape
from andon.contracts.learning import Parameters, Run, RunKind, RunState
from andon.contracts.training import ListModels
from andon.serving import Detector, decode_full
from andon.testing import eventually
from andon.training.evaluation.figures import iou

from .learning_parts import labelled, some
from .test_learning_service import Line, line  # noqa: F401 - the line is a fixture

pytestmark = [pytest.mark.timeout(400), pytest.mark.long]

PARAMETERS = Parameters(steps=40)


async def ended(place: Line, run_id: str) -> Run:
    """Gradient steps take their time on a machine that does other things."""

    async def over() -> Run | None:
        run = await place.gateway.ask(learning.GET, learning.GetRun(id=run_id))
        return run if run.ended_at else None

    found = await eventually(over, within=360)
    assert found is not None
    return found


async def test_outlined_defects_are_found_on_the_line_with_evidence(line: Line) -> None:  # noqa: F811 - as above
    parent = await line.model()
    images = await line.keep(some(84, 8, held_out=3))

    began = await line.start(
        kind=RunKind.DETECTOR, images=images, deploy=True, parameters=PARAMETERS, name="finds two"
    )
    run = await ended(line, began.id)

    assert run.state is RunState.SUCCEEDED, run.message
    assert (run.images, run.held_out, run.fraction) == (100, 34, 1.0)
    assert len(run.curves["train_loss"]) == len(run.curves["learning_rate"]) >= 1
    assert run.repeat is not None
    assert run.repeat.seed == 0
    [version] = (await line.gateway.ask(training.LIST, ListModels(limit=1))).models
    assert (version.id, version.parent, version.job_id) == (run.version_id, "model-1", run.id)
    assert version.model.digest == parent.model.digest
    assert version.model.detector is not None
    assert version.model.detector.classes == ("pit", "scratch")
    assert version.metrics["map50"] > 0.5
    assert line.place.recipe is not None
    assert line.place.recipe.model == version.model

    detector = Detector.open(await line.blobs.get(version.model.detector.file.key))
    assert len(version.model.detector.calibration) == 49
    assert version.model.detector.fails_above == detector.fails_above
    assert detector.fails_above == max(version.model.detector.calibration[-1], detector.sure_above)
    image, jpeg = labelled(901, "pit")
    found = detector.find(decode_full(jpeg).pixels, least=0.0)[0]
    assert found.class_name == "pit"
    assert iou(found.box, image.shapes[0].bbox) > 0.5

    evidence = await line.gateway.ask(learning.EVALUATION, learning.GetEvaluation(version_id=version.id))
    assert evidence.map50 == pytest.approx(version.metrics["map50"], abs=1e-3)
    assert evidence.with_detector is not None
    assert evidence.with_detector.parts == evidence.all.parts
    assert evidence.area_error is not None
    assert evidence.area_error < 0.5
    assert {name: one.regions for name, one in evidence.classes.items()} == {"pit": 3, "scratch": 3}
    assert any(isinstance(one, Run) and "train_loss" in one.metrics for one in line.heard)


async def test_what_a_detector_cannot_learn_from_is_refused(line: Line) -> None:  # noqa: F811 - as above
    parts = some(0, 6, held_out=100)
    images = await line.keep(parts)
    with pytest.raises(BadRequest, match="station_id: an anomaly model decides"):
        await line.start(kind=RunKind.DETECTOR, images=images)
    await line.model()
    with pytest.raises(BadRequest, match="images: 1 parts with outlined defects"):
        await line.start(kind=RunKind.DETECTOR, images=images[1:2])
    with pytest.raises(BadRequest, match="images: 0 parts with outlined defects"):
        await line.start(kind=RunKind.DETECTOR, images=await line.keep(some(12, 0, held_out=100)))

    outside = images[4].model_copy(update={"shapes": (Shape(class_name="pit", bbox=(200, 200, 300, 300)),)})
    wanted = (*images[:4], outside, *images[5:])
    run = await ended(line, (await line.start(kind=RunKind.DETECTOR, images=wanted)).id)
    assert run.state is RunState.FAILED
    assert "parts/4" in run.message
    assert "bbox" in run.message
