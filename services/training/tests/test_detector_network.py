"""The head's gradients are those of its loss, and it is told what it is to say."""

import numpy as np
import pytest

from andon.training.fitting.detector import network, targets
from andon.training.fitting.detector.decoding import decode
from andon.training.fitting.detector.masks import folded, mask_loss, painted, spread
from andon.training.fitting.detector.targets import CELL, Window, box_loss, class_loss, target
from andon.training.fitting.detector.training import PEAK_RATE, rate

BOXES = np.array([[4, 6, 30, 34], [30, 10, 60, 40]], np.float32)
CLASSES = np.array([0, 2])
WHOLE = Window(0, 0, 8)
MASK = np.zeros((64, 64), np.uint8)
MASK[10:30, 6:28] = 255


def head(*, masks: bool = False) -> network.Weights:
    """Small and in double precision, so that differences tell derivatives."""
    generator = np.random.default_rng(0)
    weights = network.begin(3, 0, width=6, channels=(5, 4), masks=masks)
    return {name: value + generator.normal(0, 0.05, value.shape) for name, value in weights.items()}


@pytest.mark.parametrize("masks", [False, True])
def test_every_weights_gradient_is_the_loss_difference(masks: bool) -> None:
    generator = np.random.default_rng(1)
    fine, coarse = generator.normal(size=(2, 8, 8, 5)), generator.normal(size=(2, 4, 4, 4))
    told = target(BOXES, CLASSES, WHOLE, 3)
    heat, weight, distances = (np.stack([one] * 2) for one in (told.heat, told.weight, told.distances))
    weights = head(masks=masks)
    outlines = [painted(MASK, BOXES, np.array([True, False]), WHOLE)] * 2

    def loss() -> float:
        done = network.forward(weights, fine, coarse)
        outlining = 0.0 if done.masks is None else mask_loss(done.masks, outlines)[0]
        return class_loss(done.classes, heat)[0] + box_loss(done.distances, weight, distances)[0] + outlining

    done = network.forward(weights, fine, coarse)
    found = network.backward(
        weights,
        done,
        class_loss(done.classes, heat)[1],
        box_loss(done.distances, weight, distances)[1],
        None if done.masks is None else mask_loss(done.masks, outlines)[1],
    )

    assert set(found) == set(weights)
    for name, value in weights.items():
        for _ in range(3):
            place = tuple(int(generator.integers(size)) for size in value.shape)
            kept = value[place]
            value[place] = kept + 1e-5
            more = loss()
            value[place] = kept - 1e-5
            difference = (more - loss()) / 2e-5
            value[place] = kept
            assert found[name][place] == pytest.approx(difference, rel=1e-3, abs=1e-6), name


def test_a_convolution_is_the_sum_over_its_neighbours() -> None:
    generator = np.random.default_rng(2)
    x, kernel = generator.normal(size=(1, 5, 6, 2)), generator.normal(size=(3, 6, 4))
    wide = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    square = kernel.reshape(3, 3, 2, 4)

    expected = sum(
        wide[:, row : row + 5, column : column + 6] @ square[row, column]
        for row in range(3)
        for column in range(3)
    )

    assert network.conv(x, kernel)[0] == pytest.approx(expected)


def test_the_middle_of_a_defect_is_its_class_and_knows_its_box() -> None:
    told = target(BOXES, CLASSES, WHOLE, 3)

    assert told.heat[2, 2, 0] == 1
    assert told.heat[3, 5, 2] == 1
    assert told.heat[..., 1].max() == 0
    assert 0 < told.heat[2, 3, 0] < 1
    assert told.weight[7, 7] == 0
    assert told.distances[2, 2] * CELL == pytest.approx([16, 14, 10, 14])


def test_a_window_sees_what_the_whole_sees_there() -> None:
    whole, part = target(BOXES, CLASSES, WHOLE, 3), target(BOXES, CLASSES, Window(2, 4, 4), 3)

    assert part.heat == pytest.approx(whole.heat[2:6, 4:8])
    assert part.weight == pytest.approx(whole.weight[2:6, 4:8])
    weighed = part.weight > 0
    assert part.distances[weighed] == pytest.approx(whole.distances[2:6, 4:8][weighed], abs=1e-5)


def test_a_defect_smaller_than_a_cell_is_told_too() -> None:
    told = target(np.array([[17, 18, 20, 21]], np.float32), np.array([1]), WHOLE, 3)

    assert told.heat[2, 2, 1] == 1
    assert told.weight[2, 2] > 0
    assert np.isfinite(told.distances).all()


def test_what_is_told_exactly_is_decoded_to_the_boxes() -> None:
    told = target(BOXES, CLASSES, WHOLE, 3)
    logits = np.log(np.clip(told.heat, 1e-4, 1 - 1e-4) / (1 - np.clip(told.heat, 1e-4, 1 - 1e-4)))

    found = decode(logits, np.log(told.distances))

    assert found.boxes[:2][np.argsort(found.classes[:2])] == pytest.approx(BOXES, abs=1e-3)
    assert sorted(found.classes[:2]) == [0, 2]
    assert found.scores[1] > 0.99
    assert found.scores[2] < 0.01


def test_cells_are_laid_out_as_the_file_does() -> None:
    cells = np.arange(1 * 2 * 3 * 16, dtype=np.float32).reshape(1, 2, 3, 16)

    told = spread(cells)

    assert told.shape == (1, 8, 12)
    assert told[0, :4, :4].ravel() == pytest.approx(np.arange(16))
    assert told[0, 0, 4] == 16
    assert (folded(told) == cells).all()


def test_a_mask_counts_within_outlined_boxes_each_alike_and_nowhere_in_others() -> None:
    told = painted(MASK, BOXES, np.array([True, False]), WHOLE)

    assert told.boxes == 1
    assert told.share[5:15, 3:14].min() == 1
    assert told.share.sum() * 4 == pytest.approx(20 * 22)
    assert told.weight[7:18, 18:28].max() == 0
    assert 0.8 < told.weight.sum() < 1.1
    assert (told.weight[5:15, 3:14] > told.weight[0, 31]).all()


def test_a_window_sees_of_the_mask_what_the_whole_sees_there() -> None:
    whole, part = (painted(MASK, BOXES, np.array([True, True]), at) for at in (WHOLE, Window(0, 0, 4)))

    assert part.share == pytest.approx(whole.share[:16, :16])


def test_a_mask_told_exactly_costs_next_to_nothing() -> None:
    told = painted(MASK, BOXES, np.array([True, False]), WHOLE)
    sure = folded(told.share[None] * 40 - 20)

    assert mask_loss(sure, [told])[0] < 0.01
    assert mask_loss(-sure, [told])[0] > 5


def test_a_perfect_answer_costs_nothing_and_a_far_one_much() -> None:
    told = target(BOXES, CLASSES, WHOLE, 3)
    exact = np.log(told.distances)

    assert box_loss(exact, told.weight, told.distances)[0] == pytest.approx(0, abs=1e-5)
    assert box_loss(exact + 1, told.weight, told.distances)[0] > 0.5
    assert box_loss(exact, np.zeros((8, 8)), told.distances)[0] == 0
    assert (
        targets.class_loss(np.full((8, 8, 3), -9.0), told.heat)[0]
        > class_loss(told.heat * 18 - 9, told.heat)[0]
    )


def test_the_rate_rises_falls_and_ends_at_nothing() -> None:
    rates = [rate(step, 100) for step in range(101)]

    assert max(rates) == rates[10] == PEAK_RATE
    assert rates[0] == 0
    assert rates[100] == pytest.approx(0)
