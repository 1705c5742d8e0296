"""From a part to what judged it, and back."""

from andon.contracts._message import Message, Time
from andon.contracts.inspection.parts import Decision


class GetLineage(Message):
    """Of a judged part, or of a version: exactly one is named."""

    inspection_id: str | None = None
    version_id: str | None = None


class PartTrace(Message):
    inspection_id: str
    station_id: str
    part_id: str | None
    decision: Decision
    anomaly_score: float
    judged_at: Time
    recipe_revision: int
    model_version: str
    model_digest: str
    rollout_id: str | None = None
    """The trial it took part in."""
    image_key: str | None = None


class VersionTrace(Message):
    """Where a version came from."""

    version_id: str
    name: str
    digest: str
    created_at: Time
    head: str
    dataset_version: str | None = None
    job_id: str | None = None
    code_manifest: str | None = None
    parent: str | None = None
    held_out: str = ""
    good_images: int = 0
    """Whose digests the version names as what it was fitted from."""
    metrics: dict[str, float]
    manifest_key: str
    """Object key of everything needed to repeat it."""
    deployed_to: tuple[str, ...] = ()


class Lineage(Message):
    """From a part, or a version, back to where it all came from."""

    part: PartTrace | None = None
    versions: tuple[VersionTrace, ...] = ()
    """The version and its parents, nearest first."""
    missing: str | None = None
    """A version that is named and no longer there: the chain ends before it."""
