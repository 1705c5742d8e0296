"""What a service hears is done once in effect, retried, or parked with its reason."""

import asyncio
import time
from itertools import pairwise

import nats
import pytest
from opentelemetry import trace as otel

from andon.contracts import BadRequest, Invalid, TooLarge, Unavailable
from andon.contracts.inspection import FRAME_CAPTURED, FrameCaptured
from andon.contracts.training import FIT, MODEL_DEPLOYED, FitModel, ModelDeployed
from andon.messaging import BusSettings, Delivery, ParkedMessages, Retry, Service, declare_topology
from andon.telemetry import trace
from andon.testing import build, eventually

QUICK = Retry(attempts=4, first=0.05)


def fit(name: str = "fit-1") -> FitModel:
    return FitModel(fit_id=name, station_id="default")


async def parked(settings: BusSettings) -> list:
    async with ParkedMessages(settings) as letters:
        return await letters.list()


async def waiting(service: Service, stream: str) -> int:
    """Messages a work-queue or interest stream still keeps."""
    return (await service._connection.jetstream.stream_info(stream)).state.messages


async def test_a_said_command_is_heard_once_and_gone(bus_settings):
    heard = []

    async def hear(message: FitModel, delivery: Delivery) -> None:
        heard.append((message, delivery.attempt))

    training = Service("training", bus_settings)
    training.hears(FIT, hear)
    async with training:
        assert await training.say(FIT, fit()) == 1
        await eventually(lambda: heard == [(fit(), 1)])
        await eventually(lambda: _is(waiting(training, "training-commands"), 0))


async def test_a_frame_keeps_its_bytes_and_reads_its_fields_from_headers(bus_settings):
    heard = []

    async def hear(message: FrameCaptured, delivery: Delivery) -> None:
        heard.append((message, delivery))

    body = bytes(range(256)) * 800
    frame = build.frame(part_id="Träger 7/ä")
    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    async with inspection:
        await inspection.say(FRAME_CAPTURED, frame, body=body)
        message, delivery = (await eventually(lambda: heard))[0]
    assert message == frame
    assert delivery.body == body
    assert delivery.headers["ce-type"] == FRAME_CAPTURED.address
    assert delivery.headers["ce-source"] == "inspection"


async def test_a_camera_needs_only_a_nats_client_and_headers(bus_settings):
    heard = []

    async def hear(message: FrameCaptured, delivery: Delivery) -> None:
        heard.append((message.station_id, message.frame_id, delivery.body))

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    camera = await nats.connect(bus_settings.url)
    async with inspection:
        await camera.jetstream().publish(FRAME_CAPTURED.address, b"bytes", headers={"station_id": "line-2"})
        await eventually(lambda: heard == [("line-2", None, b"bytes")])
    await camera.close()


async def test_the_same_once_is_kept_once(bus_settings):
    heard = []

    async def hear(message: FitModel, _delivery: Delivery) -> None:
        heard.append(message.fit_id)

    training = Service("training", bus_settings)
    training.hears(FIT, hear)
    async with training:
        first = await training.say(FIT, fit(), once="a")
        assert await training.say(FIT, fit(), once="a") == first
        await training.say(FIT, fit("fit-2"), once="b")
        await eventually(lambda: heard == ["fit-1", "fit-2"])


async def test_a_failing_handler_is_retried_with_growing_delay_and_then_parked_with_its_reason(bus_settings):
    times = []

    async def hear(_message: FitModel, _delivery: Delivery) -> None:
        times.append(time.monotonic())
        raise ValueError("no such luck")

    training = Service("training", bus_settings)
    training.hears(FIT, hear, retry=Retry(attempts=4, first=0.1))
    async with training:
        await training.say(FIT, fit())
        (letter,) = await eventually(lambda: parked(bus_settings))
        assert await waiting(training, "training-commands") == 0
    rests = [after - before for before, after in pairwise(times)]
    assert len(times) == 4
    # A busy machine makes any of them longer; none is shorter than its turn, jitter counted in.
    assert all(rest > least for rest, least in zip(rests, (0.07, 0.15, 0.31), strict=True))
    assert (letter.subject, letter.service, letter.code) == (FIT.address, "training", "failed")
    assert letter.reason == "ValueError: no such luck"
    assert letter.attempts == 4
    assert (letter.origin_stream, letter.origin_sequence) == ("training-commands", 1)
    assert letter.body == fit().model_dump_json().encode()
    assert letter.headers["ce-source"] == "training"


async def test_a_handler_that_recovers_is_not_parked(bus_settings):
    attempts = []

    async def hear(_message: FitModel, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if delivery.attempt < 3:
            raise ValueError("not yet")

    training = Service("training", bus_settings)
    training.hears(FIT, hear, retry=QUICK)
    async with training:
        await training.say(FIT, fit())
        await eventually(lambda: _is(waiting(training, "training-commands"), 0))
        assert attempts == [1, 2, 3]
        assert await parked(bus_settings) == []


async def test_an_unreadable_payload_is_parked_at_once(bus_settings):
    heard = []

    async def hear(message: FitModel, _delivery: Delivery) -> None:
        heard.append(message)

    training = Service("training", bus_settings)
    training.hears(FIT, hear)
    client = await nats.connect(bus_settings.url)
    async with training:
        await client.jetstream().publish(FIT.address, b'{"fit_id": "a", "max_images": 3}')
        await client.jetstream().publish(FIT.address, b"\xff\xfenot json")
        await eventually(lambda: _is(_count(parked(bus_settings)), 2))
        second, first = await parked(bus_settings)
    await client.close()
    assert heard == []
    assert (first.code, first.attempts) == ("invalid", 1)
    assert "station_id" in first.reason
    assert "max_images" in first.reason
    assert second.body == b"\xff\xfenot json"


@pytest.mark.parametrize("refused", [BadRequest("not a picture"), Invalid("too small")])
async def test_a_refused_message_is_parked_at_once(bus_settings, refused):
    attempts = []

    async def hear(_message: FrameCaptured, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        raise refused

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    async with inspection:
        await inspection.say(FRAME_CAPTURED, build.frame(part_id="Bügel"), body=b"\x00\x01")
        (letter,) = await eventually(lambda: parked(bus_settings))
    assert attempts == [1]
    assert (letter.code, letter.reason) == (refused.code, str(refused))
    assert letter.body == b"\x00\x01"
    assert letter.headers["part_id"] == "Bügel"


async def test_an_outage_waits_in_place_beyond_ack_wait_and_then_succeeds(bus_settings):
    short = bus_settings.model_copy(
        update={"streams": bus_settings.streams.model_copy(update={"ack_seconds": 0.45})}
    )
    await declare_topology(short)
    attempts = []
    until = time.monotonic() + 1.0

    async def hear(_message: FitModel, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        if time.monotonic() < until:
            raise Unavailable("the store is away")

    training = Service("training", short)
    training.hears(FIT, hear, retry=Retry(attempts=2))
    async with training:
        await training.say(FIT, fit())
        await eventually(lambda: _is(waiting(training, "training-commands"), 0))
        assert await parked(short) == []
    assert len(attempts) >= 3
    assert set(attempts) == {1}


async def test_a_long_handler_keeps_its_message(bus_settings):
    short = bus_settings.model_copy(
        update={"streams": bus_settings.streams.model_copy(update={"ack_seconds": 0.45})}
    )
    await declare_topology(short)
    begun = []

    async def hear(message: FrameCaptured, _delivery: Delivery) -> None:
        begun.append(message.frame_id)
        await asyncio.sleep(0.8)

    inspection = Service("inspection", short)
    inspection.hears(FRAME_CAPTURED, hear, workers=2)
    async with inspection:
        for number in range(4):
            await inspection.say(FRAME_CAPTURED, build.frame(frame_id=str(number)), body=b"x")
        await eventually(lambda: _is(waiting(inspection, "inspection-frames"), 0))
    assert sorted(begun) == ["0", "1", "2", "3"]


async def test_workers_run_side_by_side_and_no_more_than_asked_for(bus_settings):
    running, most = 0, 0

    async def hear(_message: FrameCaptured, _delivery: Delivery) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear, workers=8)
    async with inspection:
        for number in range(60):
            await inspection.say(FRAME_CAPTURED, build.frame(frame_id=str(number)), body=b"x")
        await eventually(lambda: _is(waiting(inspection, "inspection-frames"), 0))
        durable = await inspection._connection.jetstream.consumer_info(
            "inspection-frames", "inspection_inspection-frame-captured-v1"
        )
    assert most == 8
    assert durable.num_redelivered == 0


async def test_two_processes_of_a_service_share_the_work(bus_settings):
    seen: dict[str, list[str]] = {"a": [], "b": []}

    def hearer(name: str) -> Service:
        async def hear(message: FitModel, _delivery: Delivery) -> None:
            seen[name].append(message.fit_id)
            await asyncio.sleep(0.02)

        service = Service("training", bus_settings)
        service.hears(FIT, hear)
        return service

    async with hearer("a") as one, hearer("b"):
        for number in range(20):
            await one.say(FIT, fit(f"fit-{number}"))
        await eventually(lambda: len(seen["a"]) + len(seen["b"]) == 20)
    assert seen["a"]
    assert seen["b"]
    assert len({*seen["a"], *seen["b"]}) == 20


async def test_the_trace_of_the_sayer_reaches_the_hearer_and_what_it_says(bus_settings):
    traces = []

    async def relay(_message: FitModel, delivery: Delivery) -> None:
        traces.append(delivery.headers["traceparent"].split("-")[1])
        await service.say(FRAME_CAPTURED, build.frame(), body=b"x")

    async def end(_message: FrameCaptured, delivery: Delivery) -> None:
        traces.append(delivery.headers["traceparent"].split("-")[1])
        traces.append(format(otel.get_current_span().get_span_context().trace_id, "032x"))

    service, inspection = Service("training", bus_settings), Service("inspection", bus_settings)
    service.hears(FIT, relay)
    inspection.hears(FRAME_CAPTURED, end)
    async with service, inspection:
        with trace("test") as span:
            await service.say(FIT, fit())
        expected = format(span.get_span_context().trace_id, "032x")
        await eventually(lambda: traces == [expected] * 3)


async def test_stop_finishes_what_runs_and_gives_back_what_is_not_begun(bus_settings):
    done, begun = [], asyncio.Event()

    async def hear(message: FrameCaptured, _delivery: Delivery) -> None:
        begun.set()
        await asyncio.sleep(0.3)
        done.append(message.frame_id)

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear, workers=2)
    await inspection.start()
    for number in range(5):
        await inspection.say(FRAME_CAPTURED, build.frame(frame_id=str(number)), body=b"x")
    await begun.wait()
    await inspection.stop(grace=5)
    assert len(done) == 2

    again = Service("inspection", bus_settings)
    again.hears(FRAME_CAPTURED, hear, workers=5)
    async with again:
        await eventually(lambda: len(done) == 5, within=5)
    assert sorted(done) == ["0", "1", "2", "3", "4"]


async def test_stop_gives_back_what_outlasts_the_grace(bus_settings):
    attempts = []

    async def hang(_message: FitModel, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)
        await asyncio.Event().wait()

    async def hear(_message: FitModel, delivery: Delivery) -> None:
        attempts.append(delivery.attempt)

    first, second = Service("training", bus_settings), Service("training", bus_settings)
    first.hears(FIT, hang)
    second.hears(FIT, hear)
    await first.start()
    await first.say(FIT, fit())
    await eventually(lambda: attempts == [1])
    await first.stop(grace=0.05)
    async with second:
        await eventually(lambda: attempts == [1, 2], within=3)


async def test_a_missing_durable_is_waited_for(bus_settings):
    async def hear(_message: ModelDeployed, _delivery: Delivery) -> None: ...

    client = await nats.connect(bus_settings.url)
    await client.jetstream().delete_stream("training-events")
    service = Service("inspection", bus_settings)
    service.hears(MODEL_DEPLOYED, hear)
    starting = asyncio.create_task(service.start())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(starting), 0.3)
    await declare_topology(bus_settings)
    await starting
    await service.stop()
    await client.close()


async def test_a_durable_that_nobody_declares_fails_the_start_and_says_so(bus_settings):
    async def hear(_message: FitModel, _delivery: Delivery) -> None: ...

    client = await nats.connect(bus_settings.url)
    await client.jetstream().delete_stream("training-commands")
    await client.close()
    service = Service("training", bus_settings.model_copy(update={"connect_timeout": 0.3}))
    service.hears(FIT, hear)
    with pytest.raises(Unavailable, match=r"training_training-model-fit-v1.*is the topology declared"):
        await service.start()


def test_what_the_contracts_do_not_let_a_service_hear_is_refused_at_once():
    async def hear(*_args) -> None: ...

    with pytest.raises(ValueError, match=r"no durable of gateway for training\.model\.deployed\.v1"):
        Service("gateway", BusSettings()).hears(MODEL_DEPLOYED, hear)


async def test_more_attempts_than_the_broker_makes_are_refused_at_start(bus_settings):
    async def hear(_message: FitModel, _delivery: Delivery) -> None: ...

    service = Service("training", bus_settings)
    service.hears(FIT, hear, retry=Retry(attempts=13))
    with pytest.raises(ValueError, match="13 attempts"):
        await service.start()


async def test_a_frame_as_large_as_the_bus_takes_is_parked_without_its_bytes(bus_settings):
    async def hear(_message: FrameCaptured, _delivery: Delivery) -> None:
        raise BadRequest("not a picture")

    inspection = Service("inspection", bus_settings)
    inspection.hears(FRAME_CAPTURED, hear)
    camera = await nats.connect(bus_settings.url, pending_size=2**25)
    async with inspection:
        body = bytes(camera.max_payload - 100)
        await camera.jetstream().publish(FRAME_CAPTURED.address, body, headers={"station_id": "a"})
        (letter,) = await eventually(lambda: parked(bus_settings))
        assert letter.body == b""
        assert letter.headers["Andon-Body-Left-Out"] == str(len(body))
        with pytest.raises(TooLarge):
            await inspection.say(FRAME_CAPTURED, build.frame(), body=body)
        await inspection.ping()
    await camera.close()


async def test_no_broker_is_unavailable(bus_settings):
    nowhere = BusSettings(url="nats://127.0.0.1:9", connect_timeout=0.5)
    with pytest.raises(Unavailable, match=r"no broker at nats://127.0.0.1:9"):
        await Service("training", nowhere).start()


async def test_a_full_frame_stream_refuses_the_camera_instead_of_losing_frames(bus_settings):
    small = bus_settings.model_copy(
        update={"streams": bus_settings.streams.model_copy(update={"frame_mebibytes": 1}), "say_timeout": 0.5}
    )
    await declare_topology(small)
    async with Service("camera", small) as camera:
        await camera.say(FRAME_CAPTURED, build.frame(), body=b"x" * 900_000)
        with pytest.raises(Unavailable, match="maximum bytes"):
            await camera.say(FRAME_CAPTURED, build.frame(), body=b"x" * 900_000)
        assert await waiting(camera, "inspection-frames") == 1


async def _is(value, expected) -> bool:
    return await value == expected


async def _count(items) -> int:
    return len(await items)
