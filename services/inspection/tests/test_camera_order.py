"""Goods and defects come in the share that was asked for."""

from hypothesis import given
from hypothesis import strategies as st

from andon.inspection.camera.order import BLOCK, defects_before, is_defect, kind_of_defect

SHARES = st.integers(0, 100).map(lambda percent: percent / 100)


@given(SHARES, st.integers(0, 1000), st.integers(1, 20))
def test_the_share_is_kept_over_every_few_blocks(share: float, seed: int, blocks: int):
    parts = blocks * BLOCK
    assert abs(sum(is_defect(n, share, seed) for n in range(parts)) - parts * share) <= 0.5


@given(SHARES, st.integers(0, 100), st.integers(0, 90))
def test_defects_are_counted_as_they_come(share: float, seed: int, number: int):
    assert defects_before(number, share, seed) == sum(is_defect(n, share, seed) for n in range(number))


def test_another_seed_is_another_order():
    orders = {tuple(is_defect(n, 0.3, seed) for n in range(40)) for seed in range(5)}
    assert len(orders) == 5


def test_every_kind_comes_once_before_any_comes_again():
    kinds = ("a", "b", "c", "d")
    shown = [kind_of_defect(n, kinds, 7) for n in range(12)]
    assert [sorted(shown[i : i + 4]) for i in (0, 4, 8)] == [list(kinds)] * 3
