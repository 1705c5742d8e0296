"""A fit in its own process: steps on the way, two files at the end, a clear reason when it fails."""

import os
import signal
import sys
from hashlib import sha256
from pathlib import Path

import psutil
import pytest

from andon.contracts import Invalid, Refused, UnsupportedMedia
from andon.contracts.training import Head
from andon.serving import ModelFiles, Runtime, ServingSettings, load
from andon.training.adapters.process import FittingDied, FittingProcess
from andon.training.domain.order import FitOrder, FitStep

from .training_parts import jpeg, part

STAGES = ["load", "quantise", "extract", "fit", "choose", "calibrate", "export", "verify"]
PROCESS = FittingProcess(longest=120)


def ordered(folder: Path, images: list[bytes], head: Head = Head.AUTO) -> FitOrder:
    (folder / "images").mkdir()
    for number, data in enumerate(images):
        (folder / "images" / str(number)).write_bytes(data)
    return FitOrder(keys=tuple(f"samples/{number}.jpg" for number in range(len(images))), head=head)


async def ignored(_: FitStep) -> None: ...


@pytest.mark.long
@pytest.mark.timeout(180)
async def test_good_images_become_a_model_that_tells_bad_ones(tmp_path: Path) -> None:
    order = ordered(tmp_path, [jpeg(part(number)) for number in range(24)])
    steps: list[FitStep] = []

    async def told(step: FitStep) -> None:
        steps.append(step)

    result = await PROCESS.fit(order, tmp_path, told)

    assert list(dict.fromkeys(step.stage for step in steps)) == STAGES
    assert [step.fraction for step in steps] == sorted(step.fraction for step in steps)
    assert result.head in (Head.PADIM, Head.KNN)
    assert result.metrics["images"] == len(result.source_sha256) == 24
    assert any("24 good images" in note for note in result.notes)
    for file in (result.fp32, result.int8):
        assert file is not None
        data = (tmp_path / file.name).read_bytes()
        assert (len(data), sha256(data).hexdigest()) == (file.size, file.sha256)
    good, bad = [part(number) for number in range(200, 208)], [part(n, scratched=True) for n in range(8)]
    for runtime in (Runtime.OPENVINO, Runtime.ONNXRUNTIME):
        files = ModelFiles(fp32=tmp_path / "model.fp32.onnx", int8=tmp_path / "model.int8.onnx")
        predictor = await load(files, ServingSettings(runtime=runtime, threads=2))
        fine = [(await predictor.predict(image)).score for image in good]
        spoilt = [(await predictor.predict(image)).score for image in bad]
        await predictor.close()
        assert sum(score <= result.thresholds.fail_above for score in fine) >= 7
        assert sum(score > result.thresholds.uncertain_above for score in spoilt) >= 7


@pytest.mark.parametrize(
    ("bad", "error", "says"),
    [
        (b"", Invalid, "samples/5.jpg: the image is empty"),
        (b"no image", UnsupportedMedia, "samples/5.jpg: the bytes are not"),
        (jpeg(part(0))[:-500], Invalid, "samples/5.jpg: the JPEG is damaged or incomplete"),
    ],
)
async def test_an_image_that_cannot_be_read_is_named(
    tmp_path: Path, bad: bytes, error: type[Refused], says: str
) -> None:
    images = [jpeg(part(number)) for number in range(10)]
    images[5] = bad

    with pytest.raises(error, match=says):
        await PROCESS.fit(ordered(tmp_path, images), tmp_path, ignored)


async def test_copies_of_an_image_do_not_count(tmp_path: Path) -> None:
    order = ordered(tmp_path, [jpeg(part(number % 5)) for number in range(20)])

    with pytest.raises(Invalid, match="at least 8 good images; there are 5"):
        await PROCESS.fit(order, tmp_path, ignored)


async def test_a_killed_process_is_told(tmp_path: Path) -> None:
    order = ordered(tmp_path, [jpeg(part(number)) for number in range(10)])

    async def kill(_: FitStep) -> None:
        for child in psutil.Process().children():
            if "andon.training.fitting" in child.cmdline():
                os.kill(child.pid, signal.SIGKILL)

    with pytest.raises(FittingDied, match="killed by SIGKILL"):
        await PROCESS.fit(order, tmp_path, kill)


async def test_a_fit_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    order = ordered(tmp_path, [jpeg(part(number)) for number in range(10)])

    with pytest.raises(FittingDied, match="longer than"):
        await FittingProcess(longest=0.2).fit(order, tmp_path, ignored)

    assert not [child for child in psutil.Process().children() if "andon.training.fitting" in child.cmdline()]


async def test_a_broken_installation_is_told_with_its_last_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'no module named andon' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    order = ordered(tmp_path, [jpeg(part(number)) for number in range(8)])

    with pytest.raises(FittingDied, match="no module named andon"):
        await PROCESS.fit(order, tmp_path, ignored)
