"""Streams and durables come from the contracts, and from one place."""

import nats
import pytest
from nats.js.api import ConsumerConfig, DiscardPolicy, RetentionPolicy, StreamConfig

from andon.contracts import SUBJECTS, Command, Event, Query, durable_hearers
from andon.contracts.inspection import FRAME_CAPTURED, PART_JUDGED
from andon.contracts.training import FIT, MODEL_DEPLOYED
from andon.messaging import StreamSettings, TopologyConflict, declare_topology
from andon.messaging.topology import durables, streams


def test_every_event_and_command_is_kept_in_exactly_one_stream():
    kept = [address for stream in streams(StreamSettings()) for address in stream.subjects or ()]
    for subject in SUBJECTS:
        assert kept.count(subject.address) == (0 if isinstance(subject, Query) else 1), subject.address


def test_streams_keep_what_their_kind_asks_for():
    by_name = {stream.name: stream for stream in streams(StreamSettings(event_mebibytes=3))}
    events, commands, frames = (
        by_name["inspection-events"],
        by_name["training-commands"],
        by_name["inspection-frames"],
    )
    assert (events.retention, events.max_age, events.max_bytes) == (
        RetentionPolicy.LIMITS,
        14 * 86400,
        3 * 1024**2,
    )
    assert commands.retention == RetentionPolicy.WORK_QUEUE
    assert (frames.retention, frames.discard) == (RetentionPolicy.INTEREST, DiscardPolicy.NEW)
    sources = {source.name for source in by_name["feed"].sources or ()}
    assert sources >= {"inspection-events", "station-events", "training-events", "alerting-events"}
    assert not sources & {"auth-events", "audit-events"}
    assert by_name["dead-letters"].subjects == ["dead.>"]


def test_followers_and_integrations_have_no_durable():
    assert durable_hearers(FRAME_CAPTURED) == ["inspection"]
    assert durable_hearers(PART_JUDGED) == ["training"]
    assert durable_hearers(MODEL_DEPLOYED) == ["inspection"]
    assert durable_hearers(FIT) == ["training"]


def test_every_service_with_a_durable_moves_what_the_broker_gave_up_on():
    names = {config.durable_name for _, config in durables(StreamSettings())}
    hearers = {
        service
        for subject in SUBJECTS
        if isinstance(subject, Event | Command)
        for service in durable_hearers(subject)
    }
    assert {f"{service}_parking" for service in hearers} <= names


async def test_declaring_again_updates_and_keeps_what_is_there(bus_settings):
    client = await nats.connect(bus_settings.url)
    jetstream = client.jetstream()
    await jetstream.publish(FRAME_CAPTURED.address, b"kept")
    wider = bus_settings.model_copy(update={"streams": StreamSettings(frame_mebibytes=99, ack_seconds=7)})
    await declare_topology(wider)
    await declare_topology(wider)
    info = await jetstream.stream_info("inspection-frames")
    assert (info.config.max_bytes, info.state.messages) == (99 * 1024**2, 1)
    durable = await jetstream.consumer_info("inspection-frames", "inspection_inspection-frame-captured-v1")
    assert durable.config.ack_wait == 7
    await client.close()


async def test_another_retention_is_an_error_that_says_what_to_do(bus_settings):
    client = await nats.connect(bus_settings.url)
    jetstream = client.jetstream()
    await jetstream.delete_stream("training-commands")
    await jetstream.add_stream(StreamConfig(name="training-commands", subjects=[FIT.address]))
    with pytest.raises(TopologyConflict, match=r"training-commands.*limits.*workqueue"):
        await declare_topology(bus_settings)
    await client.close()


async def test_a_durable_of_a_hearer_that_is_gone_is_dropped_and_a_stranger_s_is_left(bus_settings):
    client = await nats.connect(bus_settings.url)
    jetstream = client.jetstream()
    for name in ("alerting_old", "auditor"):
        await jetstream.add_consumer("inspection-frames", ConsumerConfig(durable_name=name))
    await declare_topology(bus_settings)
    left = {info.name for info in await jetstream.consumers_info("inspection-frames")}
    assert left == {"inspection_inspection-frame-captured-v1", "auditor"}
    await client.close()
