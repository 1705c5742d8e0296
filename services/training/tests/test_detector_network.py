"""The head's gradients are those of its loss, and it is told what it is to say."""

import numpy as np
import pytest

from andon.training.fitting.detector import network, targets
from andon.training.fitting.detector.decoding import decode
from andon.training.fitting.detector.targets import CELL, Window, box_loss, class_loss, target
from andon.training.fitting.detector.training import PEAK_RATE, rate

BOXES = np.array([[4, 6, 30, 34], [30, 10, 60, 40]], np.float32)
CLASSES = np.array([0, 2])
WHOLE = Window(0, 0, 8)


def head() -> network.Weights:
    """Small and in double precision, so that differences tell derivatives."""
    generator = np.random.default_rng(0)
    weights = network.begin(3, 0, width=6, channels=(5, 4))
    return {name: value + generator.normal(0, 0.05, value.shape) for name, value in weights.items()}


def test_every_weights_gradient_is_the_loss_difference() -> None:
    generator = np.random.default_rng(1)
    fine, coarse = generator.normal(size=(2, 8, 8, 5)), generator.normal(size=(2, 4, 4, 4))
    told = target(BOXES, CLASSES, WHOLE, 3)
    heat, weight, distances = (np.stack([one] * 2) for one in (told.heat, told.weight, told.distances))
    weights = head()

    def loss() -> float:
        done = network.forward(weights, fine, coarse)
        return class_loss(done.classes, heat)[0] + box_loss(done.distances, weight, distances)[0]

    done = network.forward(weights, fine, coarse)
    found = network.backward(
        weights, done, class_loss(done.classes, heat)[1], box_loss(done.distances, weight, distances)[1]
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
