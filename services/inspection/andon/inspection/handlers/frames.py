"""Turns a captured frame into a judged part."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar
from uuid import uuid4

from andon.contracts import Refused, Unavailable, inspection
from andon.contracts.inspection import Decision, FrameCaptured, FrameRefused, Inspection, Times
from andon.contracts.station import Mode, Sample, Station
from andon.inspection.adapters.evidence import EvidenceStore, Place
from andon.inspection.adapters.models import NoModel
from andon.inspection.adapters.sight import Experts, Seen, read, show, weigh
from andon.inspection.domain.judgement import Verdict, drawn, frame_id, inspection_id, judge, kept
from andon.inspection.domain.rule import Rule, region_of
from andon.inspection.domain.trials import plan_of, trialled
from andon.inspection.handlers.opinions import Answer, Opinions
from andon.inspection.store.records import RecordStore
from andon.inspection.store.stations import RefusalStore, SampleStore, StationStore
from andon.messaging import Delivery, Service
from andon.serving import MAX_BYTES, Prediction
from andon.telemetry import metrics

T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """A frame with everything about it settled."""

    id: str
    part_id: str | None
    captured_at: datetime
    data: bytes
    source: str
    arrived: float
    """On the monotonic clock, in seconds."""


@dataclass(eq=False)
class Inspector:
    """Judges frames, keeps their evidence, and says what it found; a repeat of a frame is harmless."""

    stations: StationStore
    samples: SampleStore
    refusals: RefusalStore
    records: RecordStore
    evidence: EvidenceStore
    opinions: Opinions
    bus: Service
    threads: Executor
    _in_work: dict[str, "asyncio.Future[Inspection | None]"] = field(default_factory=dict)

    async def captured(self, frame: FrameCaptured, delivery: Delivery) -> None:
        """Hear a frame; one that can't be judged gets an error record before it is parked."""
        name = frame_id(frame, delivery.headers.get("Nats-Msg-Id"), delivery.sequence)
        try:
            await self._once(
                inspection_id(frame.station_id, name), partial(self._hear, frame, name, delivery)
            )
        except Unavailable:
            raise
        except Refused as error:
            await self._refuse(frame, name, error)
            raise

    async def inspect(self, frame: FrameCaptured, delivery: Delivery) -> Inspection:
        """Answer with the judged part, whatever mode the station is in."""
        name = frame_id(frame, delivery.headers.get("Nats-Msg-Id"), delivery.sequence)
        station = await self.stations.get(frame.station_id)
        settled = await self._settle(frame, name, delivery, "http")
        return await self._judge(station, settled)

    async def look(self, frame: FrameCaptured, data: bytes, source: str) -> Inspection:
        """Judge a picture that this service got by itself, whatever mode the station is in."""
        station = await self.stations.get(frame.station_id)
        name, now = frame.frame_id or uuid4().hex, datetime.now(UTC)
        settled = Frame(name, frame.part_id, frame.captured_at or now, data, source, time.perf_counter())
        return await self._judge(station, settled)

    async def _hear(self, frame: FrameCaptured, name: str, delivery: Delivery) -> Inspection | None:
        station = await self.stations.get(frame.station_id)
        if station.mode is Mode.PAUSE:
            return None
        settled = await self._settle(frame, name, delivery, "bus")
        if station.mode is Mode.TEACH:
            await self._teach(station, settled)
            return None
        return await self._judge(station, settled)

    async def _once(self, key: str, work: Callable[[], Awaitable[Inspection | None]]) -> None:
        """Let a frame that is delivered again while it is in work wait for that work."""
        running = self._in_work.get(key)
        if running is None:
            running = self._in_work[key] = asyncio.ensure_future(work())
            running.add_done_callback(lambda _: self._in_work.pop(key, None))
        await running

    async def _settle(self, frame: FrameCaptured, name: str, delivery: Delivery, source: str) -> Frame:
        arrived = time.perf_counter()
        data = delivery.body
        if frame.object_key:
            data = await self.evidence.blobs.get_range(frame.object_key, 0, MAX_BYTES + 1)
        return Frame(name, frame.part_id, frame.captured_at or delivery.time, data, source, arrived)

    async def _teach(self, station: Station, frame: Frame) -> None:
        """Keep a good example; what is no image teaches nothing."""
        scene = await self._think(read, frame.data, region_of(station))
        place = Place(frame.id, station.id, frame.captured_at)
        image = self.evidence.original(place, frame.data, scene.decoded)
        key = f"samples/{station.id}/{image.sha256}"
        await self.evidence.keep(image.model_copy(update={"key": key}), frame.data)
        sample = Sample(frame_id=frame.id, key=key, sha256=image.sha256, captured_at=frame.captured_at)
        await self.samples.add(station.id, sample)

    async def _judge(self, station: Station, frame: Frame) -> Inspection:
        plan = plan_of(station, frame.part_id or frame.id)
        if plan is None:
            raise NoModel(
                f"station_id '{station.id}' has no model yet: fit and deploy one", {"station_id": "no model"}
            )
        await self.opinions.ready(plan)
        scene = await self._think(read, frame.data, plan.judge.region)
        decoded_at = time.perf_counter()
        silent = None
        if plan.silent is not None:
            weighed = partial(self._weighed, frame.data)
            silent = _begun(self.opinions.silent(plan.silent, scene.pixels, weighed))
        place = Place(inspection_id(station.id, frame.id), station.id, frame.captured_at)
        original = self.evidence.original(place, frame.data, scene.decoded)
        early = drawn(frame.id, plan.judge.evidence.keep_passed)
        stored = [_begun(self.evidence.keep(original, frame.data))] if early else []
        answer = await self.opinions.answer(plan, scene.pixels)
        predicted_at = time.perf_counter()
        seen = await self._seen(answer, frame)
        drawing = None
        if seen.drawing is not None:
            drawing = self.evidence.annotated(place, seen.drawing)
            stored.append(_begun(self.evidence.keep(drawing, seen.drawing.jpeg)))
        if not kept(seen.verdict.decision, answer.rule.evidence, frame.id):
            original = None
        elif not early:
            stored.append(_begun(self.evidence.keep(original, frame.data)))
        times = _times(frame.arrived, decoded_at, predicted_at)
        judged = _inspection(place.part, frame, answer.rule, seen).model_copy(
            update={
                "times": times,
                "width": scene.decoded.width,
                "height": scene.decoded.height,
                "image": original,
                "annotated": drawing,
                "brightness": scene.brightness,
                "trial": trialled(plan, answer.rule, answer.error, await silent if silent else None),
            }
        )
        return await self._keep_and_say(judged, stored)

    async def _seen(self, answer: Answer, frame: Frame) -> Seen:
        """The verdict; of a part that did not pass, also where and how large its defects are."""
        prediction, rule = answer.prediction, answer.rule
        verdict = judge(prediction.score, rule.limits)
        if verdict.decision is Decision.PASS and rule.decider is None:
            return Seen(prediction.score, verdict)
        models = self.opinions.models
        classifier = await models.classifier_if_any(rule.model)
        # What is to decide must not be passed over in silence: without its file, the part is refused.
        decides = rule.decider is not None
        detector = await (models.detector if decides else models.detector_if_any)(rule.model)
        return await self._think(show, prediction, verdict, rule, frame.data, Experts(classifier, detector))

    async def _weighed(self, data: bytes, prediction: Prediction, verdict: Verdict, rule: Rule) -> Verdict:
        detector = await self.opinions.models.detector(rule.model)
        return await self._think(weigh, prediction, verdict, rule, data, detector)

    async def _keep_and_say(self, judged: Inspection, stored: list["asyncio.Future[None]"]) -> Inspection:
        """Make record and evidence safe, then tell everybody."""
        record = _begun(self.records.record(judged))
        await asyncio.gather(record, *stored)
        known = record.result()
        await self.bus.say(inspection.PART_JUDGED, known, once=known.id)
        _measure(known)
        return known

    async def _refuse(self, frame: FrameCaptured, name: str, error: Refused) -> None:
        refused = FrameRefused(
            frame_id=name,
            station_id=frame.station_id,
            part_id=frame.part_id,
            code=error.problem.code,
            reason=error.problem.message,
            refused_at=datetime.now(UTC),
        )
        await self.refusals.add(refused)
        once = f"refused-{inspection_id(frame.station_id, name)}"
        await self.bus.say(inspection.FRAME_REFUSED, refused, once=once)
        metrics.FRAMES_REFUSED.labels(code=refused.code).inc()

    async def _think(self, work: Callable[..., T], *given: object) -> T:
        """Run what needs a core beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, work, *given)


def _begun(work: Coroutine[None, None, T]) -> "asyncio.Future[T]":
    """Work that goes on beside; if what it was for fails first, nobody asks how it went."""
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


def _inspection(part: str, frame: Frame, rule: Rule, seen: Seen) -> Inspection:
    return Inspection(
        id=part,
        frame_id=frame.id,
        station_id=rule.station_id,
        part_id=frame.part_id,
        decision=seen.verdict.decision,
        decided_by=seen.verdict.decided_by,
        defect_fail_above=rule.decider.fails_above if rule.decider else None,
        confidence=seen.verdict.confidence,
        anomaly_score=seen.score,
        uncertain_above=rule.limits.uncertain_above,
        fail_above=rule.limits.fail_above,
        objects_found=len(seen.detections),
        detections=seen.detections,
        recipe_revision=rule.revision,
        model_version=rule.model.version_id,
        model_digest=rule.model.digest,
        captured_at=frame.captured_at,
        judged_at=datetime.now(UTC),
        source=frame.source,
        times=Times(decode_ms=0, inference_ms=0, total_ms=0),
        width=0,
        height=0,
    )


def _times(arrived: float, decoded: float, predicted: float) -> Times:
    return Times(
        decode_ms=round((decoded - arrived) * 1e3, 3),
        inference_ms=round((predicted - decoded) * 1e3, 3),
        total_ms=round((time.perf_counter() - arrived) * 1e3, 3),
    )


def _measure(part: Inspection) -> None:
    metrics.PARTS_JUDGED.labels(station=part.station_id, decision=part.decision.value).inc()
    metrics.DECODE_SECONDS.observe(part.times.decode_ms / 1e3)
    metrics.INFERENCE_SECONDS.observe(part.times.inference_ms / 1e3)
    metrics.TOTAL_SECONDS.observe(part.times.total_ms / 1e3)
