"""Which parts people are asked about, what they may say, and when they agree."""

from datetime import timedelta

import numpy as np
import pytest

from andon.contracts import BadRequest
from andon.contracts.annotation import Annotation, PartImage, Shape, Verdict
from andon.contracts.inspection import Decision, Detection
from andon.contracts.review import Annotate, Policy, Reason, ReviewState
from andon.testing import build
from andon.training.review.findings import agree, check, overlap, settle
from andon.training.review.likeness import FEWEST, Look, Memory, pooled, spot_of
from andon.training.review.rules import Room, advice, borderline, doubtful, drawn, reasons

POLICY = Policy(station_id="line-1", audit_share=0)


def found(*scores: float) -> tuple[Detection, ...]:
    return tuple(Detection(class_name="anomaly", confidence=score, bbox=(0, 0, 9, 9)) for score in scores)


@pytest.mark.parametrize(
    ("scores", "asked"),
    [
        ((), False),  # nothing found
        ((0.29,), True),
        ((0.2, 0.35), True),  # mean below 0.3
        ((0.71,), False),  # its own score is its lead
        ((0.3,), True),
        ((0.7,), True),  # not above 0.7
        ((0.95, 0.64), False),
        ((0.95, 0.9), True),  # two of nearly the same
        ((0.99, 0.5), False),
        ((0.99, 0.4), True),  # mean below 0.7
    ],
)
def test_findings_are_asked_about_unless_there_are_none_or_they_are_clear(scores, asked):
    assert doubtful(found(*scores)) is asked


@pytest.mark.parametrize(
    ("decision", "score", "close"),
    [
        ("pass", 0.46, True), ("pass", 0.44, False), ("fail", 0.64, True), ("fail", 0.66, False),
        ("uncertain", 0.55, False),
    ],
)  # fmt: skip
def test_borderline_is_half_a_band_from_the_limit(decision, score, close):
    part = build.inspection(decision=decision, anomaly_score=score, uncertain_above=0.5, fail_above=0.6)
    assert borderline(part, 0.5) is close


def test_a_band_without_width_has_borders_all_the_same():
    part = build.inspection(anomaly_score=0.49, uncertain_above=0.5, fail_above=0.5)
    assert borderline(part, 0.5)


def test_a_clear_part_has_no_reason_and_an_unclear_one_has_all_of_its():
    assert reasons(build.inspection(), POLICY) == ()
    part = build.inspection(decision="uncertain", detections=found(0.2))
    assert reasons(part, POLICY) == (Reason.UNCERTAIN, Reason.DOUBTFUL)
    assert reasons(build.inspection(), POLICY.model_copy(update={"audit_share": 1})) == (Reason.AUDIT,)


def test_chance_draws_its_share_and_the_same_parts_again():
    drawn_once = [number for number in range(20_000) if drawn(str(number), 0.05)]
    assert 850 < len(drawn_once) < 1150
    assert drawn_once == [number for number in range(20_000) if drawn(str(number), 0.05)]


def test_a_full_queue_wants_nothing_and_audits_have_a_budget_of_their_own():
    why = (Reason.UNCERTAIN, Reason.AUDIT)
    assert Room(0, 0, 0).wanted(why, POLICY) == why
    assert Room(0, 60, 0).wanted(why, POLICY) == (Reason.AUDIT,)
    assert Room(0, 0, 10).wanted(why, POLICY) == (Reason.UNCERTAIN,)
    assert Room(500, 0, 0).wanted(why, POLICY) == ()


@pytest.mark.parametrize(
    ("labeled", "uncertain", "recent", "ready", "retrain"),
    [
        (9, 50, 100, False, False),
        (10, 50, 100, True, False),
        (20, 10, 100, True, True),
        (19, 10, 100, True, False),
        (20, 9, 100, True, False),
        (20, 25, 49, True, False),
        (20, 5, 50, True, True),
        (0, 0, 0, False, False),
    ],
)
def test_a_retraining_is_advised_from_20_labeled_50_recent_and_a_tenth_uncertain_on(
    labeled, uncertain, recent, ready, retrain
):
    told = advice(labeled, [Decision.UNCERTAIN] * uncertain + [Decision.PASS] * (recent - uncertain))
    assert (told.dataset_ready, told.retrain, bool(told.waiting_for)) == (ready, retrain, not retrain)


SCRATCH = Shape(class_name="scratch", bbox=(10, 10, 30, 30))


def said(verdict: str = "defect", *shapes: Shape) -> Annotate:
    return Annotate(id="p", verdict=Verdict(verdict), shapes=shapes, by="eve")


@pytest.mark.parametrize(
    ("finding", "field"),
    [
        (said("defect"), "annotations"),
        (said("good", SCRATCH), "annotations"),
        (said("unsure", SCRATCH), "annotations"),
        (said("defect", Shape(class_name="dent", bbox=(0, 0, 5, 5))), "annotations.0.class_name"),
        (said("defect", SCRATCH, Shape(class_name="scratch", bbox=(0, 0, 101, 5))), "annotations.1.bbox"),
        (said("defect", Shape(class_name="scratch", bbox=(-1, 0, 5, 5))), "annotations.0.bbox"),
        (
            said("defect", SCRATCH.model_copy(update={"polygon": ((10, 10), (30, 10), (float("nan"), 20))})),
            "annotations.0.polygon",
        ),
        (
            said("defect", SCRATCH.model_copy(update={"polygon": ((10, 10), (30, 10), (50, 50))})),
            "annotations.0.polygon",
        ),
        (
            said("defect", SCRATCH.model_copy(update={"polygon": ((10, 10), (20, 20), (30, 30))})),
            "annotations.0.polygon",
        ),
    ],
)
def test_what_can_not_be_is_refused_by_its_field(finding, field):
    with pytest.raises(BadRequest) as refused:
        check(finding, 100, 50, ("scratch",))
    assert list(refused.value.problem.fields) == [field]
    assert field in str(refused.value)


def test_what_can_be_is_taken_to_the_very_edge():
    check(said("defect", Shape(class_name="any", bbox=(0, 0, 100, 50))), 100, 50, ())
    check(said("good"), 100, 50, ("scratch",))


def test_overlap_is_intersection_over_union():
    assert overlap((0, 0, 10, 10), (0, 0, 10, 10)) == 1
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


def by(name: str, *shapes: Shape, minute: int = 0, final: bool = False, good: bool = False) -> Annotation:
    return Annotation(
        id=name, inspection_id="p", station_id="line-1", captured_at=build.NOON,
        image=PartImage(key="k", sha256="0" * 64, width=100, height=50),
        verdict=Verdict.GOOD if good else Verdict.DEFECT, shapes=shapes, by=name,
        at=build.NOON + timedelta(minutes=minute), final=final,
    )  # fmt: skip


NEAR = Shape(class_name="scratch", bbox=(12, 10, 32, 30))
DENT = Shape(class_name="dent", bbox=(10, 10, 30, 30))


def test_people_agree_by_class_and_place():
    assert agree(by("a", SCRATCH), by("b", NEAR))
    assert not agree(by("a", SCRATCH), by("b", DENT))
    assert not agree(by("a", SCRATCH), by("b", SCRATCH, DENT))
    assert not agree(by("a", SCRATCH, SCRATCH), by("b", SCRATCH, DENT))
    assert not agree(by("a", SCRATCH), by("b", good=True))
    assert agree(by("a", good=True), by("b", good=True))


@pytest.mark.parametrize(
    ("words", "reviewers", "state", "counts", "disputed"),
    [
        ([], 1, "pending", None, False),
        ([by("a", SCRATCH)], 1, "labeled", "a", False),
        ([by("b", good=True, minute=2), by("a", SCRATCH, minute=1)], 1, "labeled", "b", False),
        ([by("a", SCRATCH)], 2, "pending", None, False),
        ([by("a", SCRATCH), by("b", NEAR, minute=1)], 2, "labeled", "b", False),
        ([by("a", SCRATCH), by("b", good=True)], 2, "pending", None, True),
        ([by("a", SCRATCH), by("b", good=True), by("c", NEAR, minute=3)], 2, "labeled", "c", False),
        ([by("a", SCRATCH), by("b", good=True, final=True), by("c", NEAR)], 2, "labeled", "b", False),
    ],
)
def test_an_item_stands_where_what_was_said_puts_it(words, reviewers, state, counts, disputed):
    settled = settle(words, reviewers)
    assert settled.state is ReviewState(state)
    assert (settled.counts.id if settled.counts else None, settled.disputed) == (counts, disputed)


def look(*values: float, kind: str = "spot") -> Look:
    vector = np.array(values, np.float32)
    return Look(kind, (vector / np.linalg.norm(vector)).astype(np.float32))


def test_copies_are_counted_among_the_same_kind_of_looks():
    memory = Memory()
    assert memory.nearest(look(1, 0)).id is None
    for number in range(4):
        memory.remember(f"copy-{number}", look(1, 0.001 * number))
    memory.remember("other", look(0, 1))
    memory.remember("part", look(1, 0, kind="part"))
    nearest = memory.nearest(look(1, 0.0021))
    assert (nearest.id, nearest.copies) == ("copy-2", 4)
    assert memory.nearest(look(1, 1)).copies == 0


def test_new_is_what_lies_farther_out_than_ordinary_parts_do():
    generator = np.random.default_rng(0)
    memory = Memory()
    ordinary = [look(1, *generator.normal(scale=0.05, size=20), kind="part") for _ in range(FEWEST + 60)]
    assert [memory.is_new(each) for each in ordinary[:FEWEST]] == [False] * FEWEST
    assert sum(memory.is_new(each) for each in ordinary[FEWEST:]) <= 6
    assert memory.is_new(look(0.2, *[1] * 20, kind="part"))


def test_a_look_survives_being_stored():
    seen = Look("spot", pooled(np.random.default_rng(1).normal(size=(176, 4, 4))))
    again = Look.parsed(seen.text())
    assert again.kind == "spot"
    assert float(again.vector @ seen.vector) > 0.99999
    assert np.isfinite(pooled(np.zeros((176, 2, 2)))).all()


@pytest.mark.parametrize("box", [(0, 0, 4, 4), (630, 470, 640, 480), (0, 0, 640, 480), (300, 10, 320, 470)])
def test_a_spot_is_a_square_inside_of_the_image(box):
    left, top, right, bottom = spot_of([((1, 1, 2, 2), 0.1), (box, 0.9)], 640, 480)
    assert 0 <= left < right <= 640
    assert 0 <= top < bottom <= 480
    assert abs((right - left) - (bottom - top)) <= 1
