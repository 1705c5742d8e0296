"""In which order good and defective parts come down the line."""

import numpy as np

BLOCK = 20
"""Parts over which the share of defects is kept, so that a short run shows it too."""


def is_defect(number: int, share: float, seed: int) -> bool:
    """Is judged part `number` (from 0) a defective one, at `share` (0 to 1) of all?"""
    block, place = divmod(number, BLOCK)
    wanted = round((block + 1) * BLOCK * share) - round(block * BLOCK * share)
    chosen = np.random.default_rng([seed, 1, block]).permutation(BLOCK)[:wanted]
    return place in chosen


def defects_before(number: int, share: float, seed: int) -> int:
    """How many of the judged parts before `number` are defective."""
    block, place = divmod(number, BLOCK)
    start = block * BLOCK
    return round(start * share) + sum(is_defect(start + i, share, seed) for i in range(place))


def kind_of_defect(ordinal: int, kinds: tuple[str, ...], seed: int) -> str:
    """The kind of the defect that comes as number `ordinal`: every kind once, then every kind again."""
    turn, place = divmod(ordinal, len(kinds))
    return kinds[np.random.default_rng([seed, 2, turn]).permutation(len(kinds))[place]]
