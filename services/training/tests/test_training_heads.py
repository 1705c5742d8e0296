"""What is normal is learnt from features alone: known positions, known patches."""

import numpy as np
import pytest

from andon.contracts.training import Head
from andon.training.domain import heads, heat

KINDS = (Head.PADIM, Head.KNN)


def features(count: int, seed: int = 0) -> heads.Features:
    """float32 [count, 80, 32, 32]: each position has its own mean."""
    means = np.random.default_rng(99).normal(size=(80, 32, 32)) * 3
    return (means + np.random.default_rng(seed).normal(size=(count, 80, 32, 32))).astype(np.float32)


def spoilt(good: heads.Features) -> heads.Features:
    bad = good.copy()
    bad[:, :, 10:13, 20:23] += 4
    return bad


@pytest.mark.parametrize("kind", KINDS)
def test_what_differs_from_the_good_scores_higher_and_glows_where_it_differs(kind: Head) -> None:
    head = heads.fit(kind, features(20))
    good, bad = features(6, seed=1), spoilt(features(6, seed=1))

    assert heads.score(head, bad).min() > heads.score(head, good).max()
    glow = heat.smooth(head.distances(bad))[0]
    assert np.unravel_index(glow.argmax(), glow.shape) == pytest.approx((11, 21), abs=1)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_images_give_the_same_head(kind: Head) -> None:
    first, second = heads.fit(kind, features(10)), heads.fit(kind, features(10))

    assert (first.distances(features(2, seed=1)) == second.distances(features(2, seed=1))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_features_do(kind: Head) -> None:
    head, other = heads.fit(kind, features(12)), features(3, seed=1)

    assert heads.score(head, other.astype(np.float16)) == pytest.approx(heads.score(head, other), rel=0.01)


@pytest.mark.parametrize("count", [8, 9, 30])
def test_fewer_images_than_dimensions_are_no_obstacle(count: int) -> None:
    scores = heads.score(heads.fit_padim(features(count)), features(5, seed=1))

    assert np.isfinite(scores).all()
    assert scores.max() < 10


def test_equal_images_are_no_obstacle() -> None:
    same = np.repeat(features(1), 8, axis=0)

    for kind in KINDS:
        assert np.isfinite(heads.score(heads.fit(kind, same), features(2, seed=1))).all()


def test_a_mahalanobis_distance_is_about_one_for_what_is_normal() -> None:
    head = heads.fit_padim(features(200))

    assert head.distances(features(10, seed=1)).mean() == pytest.approx(1, abs=0.15)


def test_a_patch_that_was_kept_has_no_distance() -> None:
    head = heads.fit_knn(features(1), patches=1024)

    assert head.distances(features(1)).max() < 0.05


def test_a_coreset_keeps_rare_patches() -> None:
    rare = features(3)
    rare[0, :, 5, 5] += 30

    head = heads.fit_knn(rare, patches=20)

    assert head.distances(rare)[0, 5, 5] < 0.1


def test_smoothing_keeps_a_plain_map_as_it_is() -> None:
    plain = np.full((2, 32, 32), 3.0, np.float32)

    assert heat.smooth(plain) == pytest.approx(plain, abs=1e-5)
    assert heat.scores(plain) == pytest.approx([3, 3])
