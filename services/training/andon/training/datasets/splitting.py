"""Which samples belong together, and which of them a model may learn from: pure, and the same every time."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from andon.contracts.annotation import Verdict
from andon.contracts.dataset import Fractions, Sample, Split
from andon.training.datasets.looks import NEAR, bits_of, clusters

_SMALL = 40
"""Samples from which on it is strange that many of them look the same."""
_TOO_MANY = 0.2
"""Share of the samples in one group of look-alikes from which on looks tell nothing."""
_HELD_OUT = {Split.TRAIN: 0, Split.VAL: 1, Split.TEST: 2}
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Grouped:
    """The group of each sample, and what is to be said about it."""

    group: Mapping[str, str]
    """By sha256: the smallest sha256 of its group."""
    notes: tuple[str, ...]


def grouped(samples: Sequence[Sample]) -> Grouped:
    """The same part of the same station, or the same look: together."""
    looks, notes = _by_look(samples)
    firsts: dict[tuple[str, ...], int] = {}
    pairs: list[tuple[int, int]] = []
    for number, (each, look) in enumerate(zip(samples, looks, strict=True)):
        pairs.append((firsts.setdefault(("look", str(look)), number), number))
        if each.part_id is not None:
            pairs.append((firsts.setdefault(("part", each.station_id, each.part_id), number), number))
    roots = _roots(len(samples), pairs)
    names: dict[int, str] = {}
    for root, each in zip(roots, samples, strict=True):
        names[root] = min(names.get(root, each.sha256), each.sha256)
    return Grouped({each.sha256: names[root] for root, each in zip(roots, samples, strict=True)}, notes)


def _by_look(samples: Sequence[Sample]) -> tuple[list[int], tuple[str, ...]]:
    """Clusters of near-duplicates, known by fewer bits where many parts would look the same."""
    bits, notes = bits_of([each.look for each in samples]), tuple[str, ...]()
    found: list[int] = []
    for limit in (NEAR, NEAR // 2, NEAR // 4, 0):
        found = clusters(bits, limit)
        if limit < NEAR:
            told = (
                f"more than {_TOO_MANY:.0%} of the images look the same: near-duplicates are known by at most"
            )
            notes = (f"{told} {limit} of 256 bits here, and some may lie in two splits",)
        largest = max(Counter(found).values(), default=0)
        if len(samples) < _SMALL or largest <= _TOO_MANY * len(samples):
            break
    return found, notes


def _roots(count: int, pairs: Iterable[tuple[int, int]]) -> list[int]:
    """The number of each one's set, after all pairs were joined."""
    parent = list(range(count))

    def root(number: int) -> int:
        while parent[number] != number:
            parent[number] = parent[parent[number]]
            number = parent[number]
        return number

    for one, other in pairs:
        parent[root(one)] = root(other)
    return [root(number) for number in range(count)]


@dataclass
class _Group:
    name: str
    samples: list[Sample]
    split: Split | None = None

    @property
    def kind(self) -> str:
        """What it must be spread over the splits as."""
        bad = sorted({name for each in self.samples for name in each.classes})
        defect = any(each.verdict is Verdict.DEFECT for each in self.samples)
        return f"defect {bad[:1]}" if defect else "good"

    @property
    def age(self) -> tuple[datetime, str]:
        """Its newest image; by chance where no time is known."""
        newest = max((each.captured_at or _BEGINNING for each in self.samples), default=_BEGINNING)
        return newest, sha256(self.name.encode()).hexdigest()


def split(
    samples: Sequence[Sample], group: Mapping[str, str], fractions: Fractions, fixed: Mapping[str, Split]
) -> list[Sample]:
    """Each sample with its group and split.

    A group lies in one split. What had one keeps it; where two of a group had different ones, the group is
    held out: a test that was trained on proves nothing. Of what is new, by class, the newest is for testing,
    what was before it for choosing: as on the line, where a model meets parts that come after it.
    """
    groups: dict[str, _Group] = {}
    for each in samples:
        name = group[each.sha256]
        one = groups.setdefault(name, _Group(name, []))
        one.samples.append(each)
        had = fixed.get(each.sha256)
        if had is not None:
            one.split = max(one.split or had, had, key=_HELD_OUT.__getitem__)
    kinds: dict[str, list[_Group]] = defaultdict(list)
    for one in groups.values():
        kinds[one.kind].append(one)
    for some in kinds.values():
        _assign(some, fractions)
    return [
        each.model_copy(update={"group": one.name, "split": one.split})
        for one in groups.values()
        for each in one.samples
    ]


def _assign(groups: list[_Group], fractions: Fractions) -> None:
    new = sorted((each for each in groups if each.split is None), key=lambda each: each.age, reverse=True)
    had = Counter(each.split for each in groups)
    test = max(0, _wanted(len(groups), fractions.test) - had[Split.TEST])
    val = max(0, _wanted(len(groups), fractions.val) - had[Split.VAL])
    for number, each in enumerate(new):
        if number < test:
            each.split = Split.TEST
        elif number < test + val:
            each.split = Split.VAL
        else:
            each.split = Split.TRAIN if fractions.train else Split.TEST


def _wanted(count: int, fraction: float) -> int:
    """At least one where a fraction is wanted and there are enough for every split."""
    least = 1 if fraction and count >= len(Split) else 0
    return max(least, round(count * fraction))
