"""What a Triton server adds: models come and go there, others use it too, and it may be away."""

import asyncio
import socketserver
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import ValidationError
from tritonclient.http.aio import InferenceServerClient

from andon.contracts import Invalid, Unavailable
from andon.serving import ModelFiles, ModelHost, Predictor, ProbeFailed, ServingSettings, load
from andon.serving.triton import FolderRepository, TritonPredictor, TritonServer
from andon.serving.triton._repository import Layout
from andon.testing import Restartable, TritonAddress, eventually

from .serving_models import brightness_model, grey


@pytest_asyncio.fixture
async def inside(triton: TritonAddress) -> AsyncIterator[Any]:
    """A look into the server by its own client."""
    async with InferenceServerClient(triton.url.removeprefix("http://")) as client:
        yield client


async def ready(inside: Any) -> list[str]:
    """The models that it holds; its index lacks those that came with a request."""
    return [each["name"] for each in (await inside.get_inference_statistics())["model_stats"]]


async def test_a_model_lies_in_the_repository_as_long_as_it_is_used(
    triton: TritonAddress, inside: Any
) -> None:
    settings = ServingSettings(triton_url=triton.url, triton_repository=str(triton.repository))
    opened = await load(ModelFiles(fp32=brightness_model(gain=3), int8=b"not for here"), settings)

    (name,) = await ready(inside)
    assert (opened.name, opened.device) == ("triton", "CPU")
    assert (await opened.predict(grey(10))).score == pytest.approx(30)
    assert (triton.repository / name / "1" / "model.onnx").read_bytes() == brightness_model(gain=3)
    config = await inside.get_model_config(name)
    assert (config["backend"], config["max_batch_size"]) == ("onnxruntime", 8)

    await opened.close()
    await eventually(lambda: nothing_is_ready(inside))
    assert list(triton.repository.iterdir()) == []


async def nothing_is_ready(inside: Any) -> bool:
    return not await ready(inside)


async def test_without_a_repository_a_model_travels_with_the_request(
    triton: TritonAddress, inside: Any
) -> None:
    opened = await load(ModelFiles(fp32=brightness_model(gain=2)), ServingSettings(triton_url=triton.url))

    assert (await opened.predict(grey(10))).score == pytest.approx(20)
    assert list(triton.repository.iterdir()) == []

    await opened.close()
    await eventually(lambda: nothing_is_ready(inside))


@pytest.mark.long
async def test_a_swap_drops_nothing_and_unloads_the_old_version(triton: TritonAddress, inside: Any) -> None:
    host = ModelHost(keep=1)

    async def old_version() -> Predictor:
        return await TritonPredictor.open(brightness_model(gain=1), TritonServer(triton.url))

    async def new_version() -> Predictor:
        return await TritonPredictor.open(brightness_model(gain=2), TritonServer(triton.url))

    old = await host.use("old", old_version)
    loading = asyncio.create_task(host.use("new", new_version))
    scores = list[float]()
    while not loading.done():
        scores.append((await old.predict(grey(50))).score)
        await asyncio.sleep(0.05)
    asked = [asyncio.create_task(old.predict(grey(50))) for _ in range(20)]
    new = await loading

    assert (await new.predict(grey(50))).score == pytest.approx(100)
    scores += [each.score for each in await asyncio.gather(*asked)]
    assert scores == pytest.approx([50] * len(scores))
    await host.close()
    await eventually(lambda: nothing_is_ready(inside))


@pytest.mark.long
async def test_what_another_inspector_still_asks_stays_loaded(triton: TritonAddress, inside: Any) -> None:
    server = TritonServer(triton.url)
    first = await TritonPredictor.open(brightness_model(), server)
    second = await TritonPredictor.open(brightness_model(), server)
    after = time.time() + 1.2  # clocks of two machines may differ by a second
    await eventually(lambda: asks(second, after), within=5)

    await first.close()
    assert len(await ready(inside)) == 1
    assert (await second.predict(grey(9))).score == pytest.approx(9)
    await second.close()
    await eventually(lambda: nothing_is_ready(inside))


async def asks(predictor: Predictor, until: float) -> bool:
    await predictor.predict(grey(1))
    return time.time() > until


@pytest.mark.long
async def test_what_somebody_unloaded_is_loaded_again(triton: TritonAddress, inside: Any) -> None:
    opened = await TritonPredictor.open(brightness_model(gain=4), TritonServer(triton.url))
    (name,) = await ready(inside)
    await inside.unload_model(name)

    answers = await asyncio.gather(*(opened.predict(grey(2)) for _ in range(12)))

    assert [answer.score for answer in answers] == pytest.approx([8] * 12)
    await opened.close()


@pytest.mark.slow
async def test_what_nobody_has_asked_for_long_is_unloaded_by_the_next(
    triton: TritonAddress, inside: Any
) -> None:
    layout = Layout(brightness_model(gain=5), 8)
    await inside.load_model("others", config=layout.config, files=layout.in_request)
    left = await TritonPredictor.open(brightness_model(gain=6), TritonServer(triton.url))

    opened = await TritonPredictor.open(brightness_model(gain=7), TritonServer(triton.url, idle_hours=1e-9))

    await eventually(lambda: is_ready(inside, ["others", Layout(brightness_model(gain=7), 8).name]))
    await left.close()
    await opened.close()
    await inside.unload_model("others")


async def is_ready(inside: Any, names: list[str]) -> bool:
    return sorted(await ready(inside)) == sorted(names)


async def test_a_model_that_says_something_else_there_is_not_used(triton: TritonAddress, inside: Any) -> None:
    repository = FolderRepository(triton.repository)
    layout = Layout(brightness_model(gain=1), 8)
    await repository.put(layout.name, {**layout.in_repository, "1/model.onnx": brightness_model(gain=2)})

    with pytest.raises(ProbeFailed, match=r"494\.7 instead of 247\.3"):
        await TritonPredictor.open(layout.model, TritonServer(triton.url), repository=repository)

    await eventually(lambda: nothing_is_ready(inside))


@pytest.mark.slow
async def test_what_the_server_cannot_load_is_refused_and_written_anew(triton: TritonAddress) -> None:
    repository = FolderRepository(triton.repository)
    layout = Layout(brightness_model(gain=8), 8)
    await repository.put(layout.name, {**layout.in_repository, "1/model.onnx": b"spoiled"})

    with pytest.raises(Invalid, match="Triton can't load the model: load failed for model"):
        await TritonPredictor.open(layout.model, TritonServer(triton.url), repository=repository)

    opened = await TritonPredictor.open(layout.model, TritonServer(triton.url), repository=repository)
    assert (await opened.predict(grey(1))).score == pytest.approx(8)
    await opened.close()


async def test_a_repository_that_the_server_does_not_read_is_told(
    triton: TritonAddress, tmp_path: Path
) -> None:
    with pytest.raises(Unavailable, match="failed to poll from model repository"):
        await TritonPredictor.open(
            brightness_model(), TritonServer(triton.url), repository=FolderRepository(tmp_path)
        )


@pytest.mark.long
async def test_a_server_that_comes_back_empty_gets_its_models_again(
    triton_process: Restartable[TritonAddress],
) -> None:
    address = triton_process.address
    opened = await TritonPredictor.open(brightness_model(gain=2), TritonServer(address.url, seconds=5))

    triton_process.kill()
    with pytest.raises(Unavailable, match=f"Triton at {address.url} does not answer"):
        await opened.predict(grey(3))
    await triton_process.start()

    assert (await opened.predict(grey(3))).score == pytest.approx(6)
    triton_process.kill()
    await opened.close()


@contextmanager
def somebody_else(says: bytes) -> Iterator[str]:
    """Something that answers HTTP and is no Triton server."""

    class Answer(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(
                b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(says) + says
            )

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("says", [b"", b"<html>hello</html>", b"[]", b'{"score": 1}'])
async def test_what_is_no_triton_server_is_told(says: bytes) -> None:
    with somebody_else(says) as url, pytest.raises(Unavailable, match=f"{url}"):
        await TritonPredictor.open(brightness_model(), TritonServer(url))


async def test_where_nothing_listens_is_told() -> None:
    with pytest.raises(Unavailable, match=r"Triton at http://127\.0\.0\.1:9 does not answer"):
        await TritonPredictor.open(brightness_model(), TritonServer("http://127.0.0.1:9"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"runtime": "triton"},
        {"triton_repository": "/models"},
        {"triton_url": "triton:8000"},
        {"triton_url": "grpc://triton:8001"},
        {"triton_url": "http://user:secret@triton:8000"},
        {"triton_url": "http://triton:8000", "triton_seconds": 0},
    ],
)
def test_settings_that_name_no_server_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="triton"):
        ServingSettings(**wrong)
