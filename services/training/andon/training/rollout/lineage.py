"""From a part, or a version, back to what it came from."""

from dataclasses import dataclass

from andon.contracts import BadRequest, NotFound, inspection
from andon.contracts.inspection import Inspection
from andon.contracts.rollout import GetLineage, Lineage, PartTrace, VersionTrace
from andon.contracts.training import ModelVersion
from andon.messaging import Delivery, Service
from andon.training.store import Versions

_GENERATIONS = 50


@dataclass(frozen=True)
class LineageDesk:
    """Every link is kept where it was made; here they are joined."""

    bus: Service
    versions: Versions

    async def get(self, query: GetLineage, _delivery: Delivery) -> Lineage:
        """Raises BadRequest unless one thing is named, and NotFound."""
        if (query.inspection_id is None) == (query.version_id is None):
            raise BadRequest("name either inspection_id or version_id")
        part = None
        version_id = query.version_id or ""
        if query.inspection_id is not None:
            wanted = inspection.GetInspection(id=query.inspection_id)
            record = await self.bus.ask(inspection.GET, wanted)
            part, version_id = _part(record), record.model_version
        versions, missing = await self._generations(version_id)
        if part is None and not versions:
            raise NotFound(f"there is no model version {version_id}")
        return Lineage(part=part, versions=tuple(versions), missing=missing)

    async def _generations(self, version_id: str) -> tuple[list[VersionTrace], str | None]:
        found: dict[str, VersionTrace] = {}
        following: str | None = version_id
        while following is not None and following not in found and len(found) < _GENERATIONS:
            version = await self.versions.get(following)
            if version is None:
                return list(found.values()), following
            found[following] = _trace(version)
            following = version.parent
        return list(found.values()), None


def _part(record: Inspection) -> PartTrace:
    return PartTrace(
        inspection_id=record.id,
        station_id=record.station_id,
        part_id=record.part_id,
        decision=record.decision,
        anomaly_score=record.anomaly_score,
        judged_at=record.judged_at,
        recipe_revision=record.recipe_revision,
        model_version=record.model_version,
        model_digest=record.model_digest,
        rollout_id=record.trial.rollout_id if record.trial else None,
        image_key=record.image.key if record.image else None,
    )


def _trace(version: ModelVersion) -> VersionTrace:
    return VersionTrace(
        version_id=version.id,
        name=version.name,
        digest=version.model.digest,
        created_at=version.created_at,
        head=str(version.head),
        dataset_version=version.dataset_version,
        job_id=version.job_id,
        code_manifest=version.code_manifest,
        parent=version.parent,
        held_out=version.held_out,
        good_images=len(version.source_sha256),
        metrics=version.metrics,
        manifest_key=f"models/{version.model.digest}/manifest.json",
        deployed_to=version.deployed_to,
    )
