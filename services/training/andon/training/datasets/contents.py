"""What a version holds, in numbers; and what became of another one's samples."""

import json
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from andon.contracts.annotation import Verdict
from andon.contracts.dataset import CompareVersions, Counts, Difference, Manifest, Sample, Split


def packed(dataset: str, samples: Sequence[Sample]) -> tuple[str, bytes]:
    """A version's id and its manifest's bytes: the same samples are the same version."""
    ordered = tuple(sorted(samples, key=lambda each: each.sha256))
    manifest = Manifest(dataset=dataset, samples=ordered).model_dump(mode="json")
    data = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return sha256(data).hexdigest(), data


def counted(samples: Sequence[Sample]) -> Counts:
    splits = {
        str(split): dict(Counter(str(each.verdict) for each in samples if each.split is split))
        for split in Split
    }
    return Counts(
        samples=len(samples),
        groups=len({each.group for each in samples}),
        bytes=sum(each.size for each in samples),
        verdicts=dict(Counter(str(each.verdict) for each in samples)),
        classes=dict(sorted(Counter(name for each in samples for name in each.classes).items())),
        splits=splits,
        stations=dict(Counter(each.station_id for each in samples if each.station_id)),
    )


def remarks(samples: Sequence[Sample]) -> list[str]:
    """What a person should know before they learn from it."""
    found: list[str] = []
    verdicts = Counter(each.verdict for each in samples)
    if len(samples) == 1:
        found.append("there is one image only")
    if not verdicts[Verdict.GOOD]:
        found.append("there is no good part in it")
    if not verdicts[Verdict.DEFECT]:
        found.append("there is no defect in it")
    for split in Split:
        inside = Counter(each.verdict for each in samples if each.split is split)
        if not inside:
            found.append(f"{split} is empty")
        elif verdicts[Verdict.DEFECT] and not inside[Verdict.DEFECT]:
            found.append(f"{split} has no defect")
    unplaced = sum(each.verdict is Verdict.DEFECT and not each.shapes for each in samples)
    if unplaced:
        found.append(f"{unplaced} defects have no marked place")
    return found


def compared(wanted: CompareVersions, newer: Sequence[Sample], older: Sequence[Sample]) -> Difference:
    """By image: which came, went, are called something else, or lie in another split."""
    new, old = ({each.sha256: each for each in some} for some in (newer, older))
    both = [name for name in new if name in old]
    added = [name for name in new if name not in old]
    removed = [name for name in old if name not in new]
    relabelled = [name for name in both if _label(new[name]) != _label(old[name])]
    moved = [name for name in both if new[name].split is not old[name].split]
    changed = {*relabelled, *moved}
    return Difference(
        id=wanted.id,
        other=wanted.other,
        added=len(added),
        removed=len(removed),
        relabelled=len(relabelled),
        moved=len(moved),
        same=len(both) - len(changed),
        added_samples=tuple(added[: wanted.limit]),
        removed_samples=tuple(removed[: wanted.limit]),
        relabelled_samples=tuple(relabelled[: wanted.limit]),
        moved_samples=tuple(moved[: wanted.limit]),
    )


def _label(sample: Sample) -> object:
    return sample.verdict, sample.shapes, sample.classes
