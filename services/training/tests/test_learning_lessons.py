"""What is held out, and what makes two lessons the same."""

import pytest

from andon.contracts import Invalid
from andon.contracts.annotation import Shape, Verdict
from andon.contracts.learning import LabelledImage, Parameters, Run, RunKind, RunState
from andon.contracts.queue import JobStatus
from andon.testing import build
from andon.training.domain.lessons import Lesson, digest_of, held_out_digest, settled
from andon.training.domain.progress import ended_as, learned_of

SHAPE = Shape(class_name="pit", bbox=(1, 1, 9, 9))


def image(number: int, **changes: object) -> LabelledImage:
    fields = {"key": f"k/{number}", "verdict": Verdict.GOOD, "station_id": "line-1", **changes}
    return LabelledImage.model_validate(fields)


def lesson(*images: LabelledImage, **changes: object) -> Lesson:
    return Lesson.model_validate({"kind": RunKind.REGIONS, "version_id": "v", "images": images, **changes})


def test_about_a_fifth_is_held_out_and_always_the_same() -> None:
    images = tuple(image(number) for number in range(500))

    first, second = settled(images), settled(tuple(reversed(images)))

    held_out = {one.key for one in first if one.held_out}
    assert held_out == {one.key for one in second if one.held_out}
    assert 60 < len(held_out) < 140


def test_images_of_one_part_lie_on_one_side() -> None:
    images = tuple(image(number, part_id=f"part-{number // 4}") for number in range(200))

    sides: dict[str, set[bool]] = {}
    for one in settled(images):
        sides.setdefault(str(one.part_id), set()).add(bool(one.held_out))

    assert all(len(side) == 1 for side in sides.values())
    assert {frozenset(side) for side in sides.values()} == {frozenset({True}), frozenset({False})}


def test_one_image_cannot_be_learned_from_and_held_out() -> None:
    same = "a" * 64

    with pytest.raises(Invalid, match="comes twice"):
        settled((image(1, sha256=same, held_out=True), image(2, sha256=same, held_out=False)))
    assert len(settled((image(1, sha256=same), image(1, sha256=same)))) == 1


def test_a_lesson_is_another_with_another_seed_label_or_split_and_not_with_other_threads() -> None:
    plain = lesson(image(1, held_out=False))
    others = [
        lesson(image(1, held_out=True)),
        lesson(image(1, held_out=False, verdict=Verdict.DEFECT, shapes=(SHAPE,))),
        lesson(image(1, held_out=False), parameters=Parameters(seed=1)),
    ]

    assert digest_of(plain) == digest_of(plain.model_copy(update={"threads": 8, "version_id": "w"}))
    assert len({digest_of(one) for one in (plain, *others)}) == 4


def test_held_out_parts_are_the_same_whatever_was_learned_from_and_in_whatever_order() -> None:
    kept = [image(number, sha256=f"{number:064x}", held_out=True) for number in range(3)]
    one = lesson(*kept, image(8, held_out=False))
    other = lesson(image(9, held_out=False), *reversed(kept))
    relabelled = lesson(*kept[:2], kept[2].model_copy(update={"verdict": Verdict.DEFECT, "shapes": (SHAPE,)}))

    assert held_out_digest(one) == held_out_digest(other)
    assert held_out_digest(one) != held_out_digest(relabelled)


def run(**changes: object) -> Run:
    fields = {
        "id": "run-000000000001",
        "kind": RunKind.REGIONS,
        "station_id": "line-1",
        "state": RunState.RUNNING,
        "place": "here",
        "created_at": build.NOON,
        "requested_by": "eve",
        **changes,
    }
    return Run.model_validate(fields)


def test_progress_only_goes_forward_and_the_last_twenty_lines_stay() -> None:
    so_far = run(fraction=0.5, logs=tuple(str(number) for number in range(20)), curves={"loss": (3.0,)})

    changes = learned_of(so_far, 0.4, {"loss": 2.0}, "news")

    assert "fraction" not in changes
    assert changes["logs"][0] == "1"
    assert changes["logs"][-1] == "news"
    assert changes["curves"] == {"loss": (3.0, 2.0)}
    assert learned_of(so_far.model_copy(update={"message": "news"}), 0.5, {}, "news") == {}


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (JobStatus.RUNNING, None),
        (JobStatus.LOST, None),
        (JobStatus.SUCCEEDED, None),
        (JobStatus.CANCELLED, RunState.STOPPED),
        (JobStatus.STOPPED, RunState.STOPPED),
        (JobStatus.FAILED, RunState.FAILED),
        (JobStatus.EXPIRED, RunState.FAILED),
    ],
)
def test_a_run_ends_as_its_job_does(status: JobStatus, state: RunState | None) -> None:
    assert ended_as(status) is state
