"""Which samples belong together, how they are split, and what a version's id stands for."""

from collections import Counter
from datetime import timedelta
from hashlib import sha256

import numpy as np
import pytest

from andon.contracts.annotation import Shape, Verdict
from andon.contracts.dataset import CompareVersions, Fractions, Sample, Source, Split
from andon.serving import decode
from andon.testing import build
from andon.training.datasets.contents import compared, counted, packed, remarks
from andon.training.datasets.looks import NEAR, bits_of, clusters, look_of
from andon.training.datasets.splitting import grouped, split

from .training_parts import jpeg, part

SHARES = Fractions()


def look(number: int) -> str:
    return sha256(f"look {number}".encode()).hexdigest()


def sample(number: int, **changes) -> Sample:
    digest = sha256(str(number).encode()).hexdigest()
    values = {
        "sha256": digest, "key": digest, "content_type": "image/png", "size": 10, "width": 64, "height": 48,
        "verdict": Verdict.GOOD, "split": Split.TRAIN, "group": digest, "look": look(number),
        "source": Source.IMPORT, "captured_at": build.NOON + timedelta(minutes=number),
    }  # fmt: skip
    return Sample(**{**values, **changes})


def scratched(number: int, **changes) -> Sample:
    shape = Shape(class_name="scratch", bbox=(0, 0, 5, 5))
    marked = {"verdict": Verdict.DEFECT, "shapes": (shape,), "classes": ("scratch",)}
    return sample(number, **{**marked, **changes})


def spread(samples, fixed=None, fractions=SHARES) -> dict[str, Split]:
    found = split(samples, grouped(samples).group, fractions, fixed or {})
    assert len(found) == len(samples)
    return {each.sha256: each.split for each in found}


def test_the_same_image_encoded_again_looks_the_same_and_another_part_does_not():
    looks = []
    for number in range(6):
        pixels = part(number)
        again = decode(jpeg(pixels)).pixels
        brighter = np.clip(pixels * 1.05 + 4, 0, 255).astype(np.uint8)
        looks += [look_of(pixels), look_of(again), look_of(brighter)]
    assert clusters(bits_of(looks), NEAR) == [number // 3 for number in range(18)]


def test_clusters_are_chains_of_near_ones():
    looks = [look(number) for number in range(600)]
    looks[599] = looks[3]
    base = int(looks[17], 16)
    looks[300], looks[400] = f"{base ^ (2**12 - 1):064x}", f"{base ^ (2**24 - 1):064x}"
    found = clusters(bits_of(looks), 12)
    assert (found[599], found[300], found[400]) == (found[3], found[17], found[17])
    assert len(set(found)) == 597
    assert clusters(bits_of([looks[0]] * 5000), 12) == [0] * 5000


def test_near_duplicates_and_images_of_one_part_lie_in_one_split():
    samples = [sample(number) for number in range(60)]
    samples[40] = sample(40, look=samples[0].look)
    samples[50] = sample(50, part_id="A", station_id="s")
    samples[2] = sample(2, part_id="A", station_id="s")
    samples[3] = sample(3, part_id="A", station_id="other")
    samples[59] = sample(59, part_id="B", station_id="s", look=samples[2].look)  # joins by look what A joins
    found = grouped(samples)
    assert found.notes == ()
    names = [found.group[each.sha256] for each in samples]
    assert names[40] == names[0]
    assert names[50] == names[2] == names[59]
    assert names[3] not in (names[2], names[0])
    splits = spread(samples)
    assert splits[samples[40].sha256] is splits[samples[0].sha256]
    assert splits[samples[59].sha256] is splits[samples[2].sha256] is splits[samples[50].sha256]


def test_where_all_parts_look_alike_looks_alone_do_not_lump_them_together():
    base = int(look(0), 16)
    samples = [sample(number, look=f"{base ^ (0b11111 << (number * 4)):064x}") for number in range(50)]
    samples.append(sample(50, look=samples[0].look))
    found = grouped(samples)
    assert "5 of 256 bits" in found.notes[0]
    assert len(set(found.group.values())) == 50
    assert found.group[samples[50].sha256] == found.group[samples[0].sha256]


def test_the_newest_of_each_class_is_for_testing():
    samples = [sample(n) for n in range(100)] + [scratched(100 + n) for n in range(20)]
    splits = [spread(samples)[each.sha256] for each in samples]
    assert Counter(splits[:100]) == {Split.TRAIN: 70, Split.VAL: 15, Split.TEST: 15}
    assert Counter(splits[100:]) == {Split.TRAIN: 14, Split.VAL: 3, Split.TEST: 3}
    assert splits[:70] == [Split.TRAIN] * 70
    assert splits[85:100] == [Split.TEST] * 15


def test_what_had_a_split_keeps_it_and_what_is_new_fills_up():
    old = [sample(n) for n in range(60)]
    before = spread(old)
    samples = [*old, *(sample(n) for n in range(60, 100))]
    after = spread(samples, before)
    assert {name: after[name] for name in before} == before
    assert Counter(after.values()) == {Split.TRAIN: 70, Split.VAL: 15, Split.TEST: 15}


def test_a_group_with_two_splits_is_held_out():
    samples = [sample(0, part_id="A"), sample(1, part_id="A"), *(sample(n) for n in range(2, 10))]
    found = spread(samples, {samples[0].sha256: Split.TRAIN, samples[1].sha256: Split.TEST})
    assert (found[samples[0].sha256], found[samples[1].sha256]) == (Split.TEST, Split.TEST)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_for_every_split_are_learned_from(count):
    assert set(spread([sample(n) for n in range(count)]).values()) == {Split.TRAIN}


def test_three_are_enough_for_every_split_and_nothing_is_trained_on_unasked():
    assert Counter(spread([sample(n) for n in range(3)]).values()) == dict.fromkeys(Split, 1)
    only_test = Fractions(train=0, val=0, test=1)
    assert set(spread([sample(n) for n in range(9)], fractions=only_test).values()) == {Split.TEST}


def test_the_same_samples_in_any_order_are_the_same_version():
    samples = [sample(n) for n in range(5)]
    assert packed("a", samples) == packed("a", samples[::-1])
    assert packed("a", samples)[0] != packed("b", samples)[0]
    assert (
        packed("a", samples)[0] != packed("a", [*samples[:4], samples[4].model_copy(update={"size": 9})])[0]
    )
    version, data = packed("a", samples)
    assert sha256(data).hexdigest() == version


def test_versions_are_compared_by_image_label_and_split():
    old = [sample(n) for n in range(4)]
    new = [old[0], scratched(1), sample(2, split=Split.TEST), sample(7)]
    found = compared(CompareVersions(id="a" * 64, other="b" * 64), new, old)
    assert (found.added, found.removed, found.relabelled, found.moved, found.same) == (1, 1, 1, 1, 1)
    assert found.removed_samples == (old[3].sha256,)
    assert found.relabelled_samples == (old[1].sha256,)


def test_a_person_is_told_what_a_version_lacks():
    assert remarks([sample(0)]) == [
        "there is one image only", "there is no defect in it", "val is empty", "test is empty",
    ]  # fmt: skip
    bad = remarks([scratched(0), scratched(1, split=Split.VAL), scratched(2, split=Split.TEST, shapes=())])
    assert bad == ["there is no good part in it", "1 defects have no marked place"]
    assert "test has no defect" in remarks([scratched(0), sample(1, split=Split.TEST)])
    counts = counted([scratched(0, station_id="s"), sample(1, split=Split.TEST)])
    assert (counts.classes, counts.stations) == ({"scratch": 1}, {"s": 1})
    assert counts.splits == {"train": {"defect": 1}, "val": {}, "test": {"good": 1}}
