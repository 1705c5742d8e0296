"""Every runtime behaves the same: one suite over all of them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from andon.contracts import Invalid, Unavailable
from andon.serving import (
    ModelFiles,
    OnnxRuntimePredictor,
    OpenVinoPredictor,
    Predictor,
    ProbeFailed,
    Runtime,
    ServingSettings,
    load,
    probe_image,
    wanted,
)
from andon.serving.triton import FolderRepository, TritonPredictor, TritonServer

from .serving_models import brightness_model, grey, network, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

Open = Callable[[bytes | Path], Awaitable[Predictor]]
PROBE_SCORE = float(
    probe_image().astype(np.float32).mean(axis=2).reshape(32, 8, 32, 8).mean(axis=(1, 3)).max()
)


@pytest.fixture(scope="module", params=Runtime)
def opens(request: pytest.FixtureRequest) -> Open:
    if request.param is Runtime.OPENVINO:
        return lambda model: OpenVinoPredictor.open(model, threads=2)
    if request.param is Runtime.ONNXRUNTIME:
        return lambda model: OnnxRuntimePredictor.open(model, threads=2)
    address = request.getfixturevalue("triton")
    server, repository = TritonServer(address.url), FolderRepository(address.repository)
    return lambda model: TritonPredictor.open(model, server, repository=repository)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def predictor(opens: Open) -> AsyncIterator[Predictor]:
    opened = await opens(brightness_model())
    yield opened
    await opened.close()


async def test_a_picture_gets_its_score_and_heatmap(predictor: Predictor) -> None:
    pixels = grey(10)
    pixels[:8, 8:16] = 200

    prediction = await predictor.predict(pixels)

    assert prediction.score == pytest.approx(200)
    assert prediction.heatmap.shape == (32, 32)
    assert prediction.heatmap.dtype == np.float32
    assert np.unravel_index(prediction.heatmap.argmax(), (32, 32)) == (0, 1)


async def test_pictures_asked_for_together_are_not_mixed_up(predictor: Predictor) -> None:
    values = [value % 251 for value in range(0, 600, 7)]

    predictions = await asyncio.gather(*(predictor.predict(grey(value)) for value in values))

    assert [prediction.score for prediction in predictions] == pytest.approx(values, abs=1e-3)
    assert [prediction.heatmap.mean() for prediction in predictions] == pytest.approx(values, abs=1e-2)


async def test_a_heatmap_stays_as_it_was_when_others_follow(predictor: Predictor) -> None:
    first = await predictor.predict(grey(5))
    await asyncio.gather(*(predictor.predict(grey(200)) for _ in range(20)))

    assert first.heatmap.max() == pytest.approx(5)


async def test_every_runtime_says_the_same_of_a_network(opens: Open) -> None:
    pictures = np.random.default_rng(3).integers(0, 256, (5, 256, 256, 3), np.uint8)
    there, reference = await opens(network()), await OnnxRuntimePredictor.open(network(), threads=1)

    for picture in pictures:
        said, known = await asyncio.gather(there.predict(picture), reference.predict(picture))
        assert said.score == pytest.approx(known.score, rel=1e-4)
        np.testing.assert_allclose(said.heatmap, known.heatmap, rtol=1e-3, atol=1e-4 * known.score)

    await asyncio.gather(there.close(), reference.close())


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((256, 256), np.uint8), np.zeros((128, 256, 3), np.uint8), np.zeros((256, 256, 3), np.float32)],
)
async def test_another_shape_is_refused(predictor: Predictor, pixels: np.ndarray) -> None:
    with pytest.raises(Invalid, match="looks at"):
        await predictor.predict(pixels)


async def test_closing_answers_what_was_asked_and_refuses_what_comes(opens: Open) -> None:
    predictor = await opens(brightness_model(gain=1.5))
    asked = [asyncio.create_task(predictor.predict(grey(value))) for value in range(40)]
    await asyncio.sleep(0)

    await predictor.close()

    assert [task.result().score / 1.5 for task in asked] == pytest.approx(list(range(40)), abs=1e-3)
    with pytest.raises(Unavailable, match="closed"):
        await predictor.predict(grey(1))
    await predictor.close()


async def test_whoever_gives_up_takes_nothing_from_the_others(predictor: Predictor) -> None:
    asked = [asyncio.create_task(predictor.predict(grey(value))) for value in range(30)]
    await asyncio.sleep(0)
    for task in asked[::2]:
        task.cancel()

    kept = await asyncio.gather(*asked[1::2])

    assert [prediction.score for prediction in kept] == pytest.approx(list(range(1, 30, 2)), abs=1e-3)


async def test_a_model_that_answers_its_probe_is_opened(opens: Open) -> None:
    opened = await opens(brightness_model(known=PROBE_SCORE))
    await opened.probe()
    await opened.close()


async def test_a_model_that_answers_its_probe_wrongly_is_not(opens: Open) -> None:
    with pytest.raises(ProbeFailed, match="probe"):
        await opens(brightness_model(gain=1.2, known=PROBE_SCORE))


async def test_a_model_that_answers_no_number_is_not_opened(opens: Open) -> None:
    with pytest.raises(ProbeFailed, match="not a number"):
        await opens(brightness_model(gain=float("nan")))


@pytest.mark.parametrize("data", [b"", b"not a model at all", brightness_model()[:200]])
async def test_a_file_that_is_no_model_is_refused(opens: Open, data: bytes) -> None:
    with pytest.raises(Invalid, match="the file is not a"):
        await opens(data)


async def test_a_model_opens_from_a_path(opens: Open, tmp_path: Path) -> None:
    opened = await opens(written(tmp_path, brightness_model()))
    assert (await opened.predict(grey(7))).score == pytest.approx(7)
    await opened.close()


async def test_the_runtime_is_a_setting() -> None:
    files = ModelFiles(fp32=brightness_model(gain=1), int8=brightness_model(gain=2))
    scores = {}
    for runtime in (Runtime.OPENVINO, Runtime.ONNXRUNTIME):
        opened = await load(files, ServingSettings(runtime=runtime))
        scores[opened.name] = round((await opened.predict(grey(10))).score)
        await opened.close()

    assert scores == {"openvino": 20, "onnxruntime": 10}
    assert wanted(ServingSettings(), has_int8=False) == "fp32"
