"""Models are loaded once, swapped while others answer, and let go without dropping a picture."""

import asyncio
import gc
import os
from pathlib import Path

import pytest

from andon.contracts import Unavailable
from andon.serving import ModelHost, OpenVinoPredictor, Prediction, Predictor

from .serving_models import brightness_model, grey

STATM = Path("/proc/self/statm")


class Loads:
    """Loaders of real models, counted."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, gain: float):
        async def loader() -> Predictor:
            self.count += 1
            return await OpenVinoPredictor.open(brightness_model(gain=gain), threads=2)

        return loader


async def test_callers_at_the_same_time_share_one_load() -> None:
    host, loads = ModelHost(), Loads()

    hosted = await asyncio.gather(*(host.use("a", loads.of(1)) for _ in range(10)))

    assert loads.count == 1
    assert (await hosted[3].predict(grey(9))).score == pytest.approx(9)
    await host.close()


@pytest.mark.long
async def test_a_swap_drops_and_mixes_nothing() -> None:
    host, loads = ModelHost(keep=1), Loads()
    old = await host.use("old", loads.of(1))
    asked = [asyncio.create_task(old.predict(grey(50))) for _ in range(30)]
    await asyncio.sleep(0)

    new = await host.use("new", loads.of(2))
    after = await asyncio.gather(*(new.predict(grey(50)) for _ in range(10)))

    assert {round(prediction.score) for prediction in await asyncio.gather(*asked)} == {50}
    assert {round(prediction.score) for prediction in after} == {100}
    assert host.digests == ("new",)
    await host.close()


@pytest.mark.long
async def test_the_model_unused_for_longest_goes_first() -> None:
    host, loads = ModelHost(keep=2), Loads()
    for digest in ("a", "b", "a", "c"):
        await host.use(digest, loads.of(1))

    assert host.digests == ("a", "c")
    await host.close()


@pytest.mark.long
async def test_as_many_as_are_needed_stay_however_few_are_kept() -> None:
    host, loads = ModelHost(keep=1), Loads()
    host.hold(3)
    for digest in ("a", "b", "c", "d"):
        await host.use(digest, loads.of(1))
    assert host.digests == ("b", "c", "d")

    host.hold(0)
    await host.use("d", loads.of(1))

    assert host.digests == ("d",)
    await host.close()


@pytest.mark.long
async def test_a_model_pushed_out_comes_back_when_it_is_asked() -> None:
    host, loads = ModelHost(keep=1), Loads()
    first = await host.use("a", loads.of(1))
    await host.use("b", loads.of(2))

    assert (await first.predict(grey(3))).score == pytest.approx(3)
    assert loads.count == 3
    await host.close()


async def test_a_failed_load_is_told_and_tried_again() -> None:
    host, loads, fail = ModelHost(), Loads(), [True]

    async def loader() -> Predictor:
        if fail.pop():
            raise Unavailable("the object store does not answer")
        raise AssertionError

    with pytest.raises(Unavailable, match="object store"):
        await host.use("a", loader)
    hosted = await host.use("a", loads.of(1))

    assert (await hosted.predict(grey(4))).score == pytest.approx(4)
    await host.close()


@pytest.mark.long
async def test_a_new_model_loads_while_the_old_one_answers() -> None:
    host, loads = ModelHost(), Loads()
    old = await host.use("old", loads.of(1))
    going = asyncio.Event()

    async def slow() -> Predictor:
        await going.wait()
        return await loads.of(2)()

    loading = asyncio.create_task(host.use("new", slow))
    assert (await old.predict(grey(8))).score == pytest.approx(8)
    going.set()
    assert (await (await loading).predict(grey(8))).score == pytest.approx(16)
    await host.close()


async def test_whoever_gives_up_waiting_leaves_the_load_to_the_others() -> None:
    host, loads = ModelHost(), Loads()
    gone = asyncio.create_task(host.use("a", loads.of(1)))
    stays = asyncio.create_task(host.use("a", loads.of(1)))
    await asyncio.sleep(0)
    gone.cancel()

    prediction: Prediction = await (await stays).predict(grey(6))

    assert prediction.score == pytest.approx(6)
    assert loads.count == 1
    await host.close()


async def test_a_closed_host_refuses() -> None:
    host = ModelHost()
    hosted = await host.use("a", Loads().of(1))
    await host.close()

    with pytest.raises(Unavailable, match="closed"):
        await hosted.predict(grey(1))


def resident() -> int:
    """Bytes."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
@pytest.mark.skipif(not STATM.exists(), reason="resident memory is read from /proc")
async def test_swapping_often_gives_the_memory_back() -> None:
    host, loads = ModelHost(keep=1), Loads()
    seen: list[int] = []
    for number in range(24):
        hosted = await host.use(str(number), loads.of(number + 1))
        await hosted.predict(grey(1))
        if number in (11, 23):
            gc.collect()
            seen.append(resident())
    await host.close()

    assert seen[1] - seen[0] < 100 * 2**20  # twelve that stay take 200 MiB
