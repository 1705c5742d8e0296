"""Whether a version is proven better than the one in use."""

from dataclasses import dataclass

from andon.contracts.training import ModelVersion

MEASURES = ("map50", "image_auroc", "region_accuracy")
"""What versions are compared by: the first that both have and that differs decides."""


@dataclass(frozen=True)
class Merit:
    better: bool
    reason: str


def merit(candidate: ModelVersion, active: ModelVersion | None) -> Merit:
    """Better only when strictly so, on the very same held-out parts."""
    if active is None:
        return Merit(False, "the version in use is not known here, so nothing can be compared with it")
    if active.id == candidate.id:
        return Merit(False, "the station judges by it already")
    if not candidate.held_out or candidate.held_out != active.held_out:
        return Merit(False, "both were not measured on the same held-out parts")
    common = [name for name in MEASURES if name in candidate.metrics and name in active.metrics]
    for name in common:
        new, old = candidate.metrics[name], active.metrics[name]
        if new != old:
            return Merit(new > old, f"{name} {new:.4f} against {old:.4f} on the same held-out parts")
    if common:
        return Merit(False, f"{', '.join(common)} are the same on the same held-out parts")
    return Merit(False, f"they have none of {', '.join(MEASURES)} in common")
