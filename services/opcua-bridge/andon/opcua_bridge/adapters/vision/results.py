"""A judged part as a result of OPC 40100-1."""

# The companion model's types are made when its nodes are read: nobody can know them before.
# pyright: reportAttributeAccessIssue=false, reportPrivateImportUsage=false, reportArgumentType=false

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from asyncua import ua

from andon.contracts.inspection import Inspection
from andon.contracts.station import Recipe

COMPLETED = 1
"""ResultState; a part that could not be judged has no result."""

_KIND = {
    bool: ua.VariantType.Boolean,
    int: ua.VariantType.Int32,
    float: ua.VariantType.Double,
    str: ua.VariantType.String,
}
COMPONENTS = (
    ("IsPartial", ua.VariantType.Boolean),
    ("IsSimulated", ua.VariantType.Boolean),
    ("ResultState", ua.VariantType.Int32),
    ("MeasId", ua.VariantType.ExtensionObject),
    ("PartId", ua.VariantType.ExtensionObject),
    ("ExternalRecipeId", ua.VariantType.ExtensionObject),
    ("InternalRecipeId", ua.VariantType.ExtensionObject),
    ("ProductId", ua.VariantType.ExtensionObject),
    ("ExternalConfigurationId", ua.VariantType.ExtensionObject),
    ("InternalConfigurationId", ua.VariantType.ExtensionObject),
    ("JobId", ua.VariantType.ExtensionObject),
    ("CreationTime", ua.VariantType.DateTime),
    ("ProcessingTimes", ua.VariantType.ExtensionObject),
)
"""Of a result and its event, in the order of GetResultComponentsById."""


def result(part: Inspection) -> Any:
    """A ResultDataType."""
    return ua.ResultDataType(**components(part), ResultContent=content(part), HasTransferableDataOnFile=False)


def components(part: Inspection) -> dict[str, Any]:
    """What a result says besides its content, by name."""
    part_id = ua.PartIdDataType(Id=part.part_id) if part.part_id else None
    recipe = ua.RecipeIdInternalDataType(
        Id=f"{part.station_id}/{part.recipe_revision}", Version=part.model_version,
        Hash=_digest(part.model_digest), HashAlgorithm="SHA-256",
    )  # fmt: skip
    times = ua.ProcessingTimesDataType(
        StartTime=part.captured_at, EndTime=part.judged_at, ProcessingDuration=part.times.total_ms
    )
    return {
        "ResultId": ua.ResultIdDataType(Id=part.id),
        "IsPartial": False,
        "IsSimulated": False,
        "ResultState": COMPLETED,
        "MeasId": None,
        "PartId": part_id,
        "ExternalRecipeId": None,
        "InternalRecipeId": recipe,
        "ProductId": None,
        "ExternalConfigurationId": None,
        "InternalConfigurationId": ua.ConfigurationIdDataType(Id=part.station_id),
        "JobId": ua.JobIdDataType(Id=part.frame_id),
        "CreationTime": part.judged_at,
        "ProcessingTimes": times,
    }


def content(part: Inspection) -> list[Any]:
    """What was found, each with its name and type."""
    values: Mapping[str, str | float] = {
        "Decision": part.decision.value,
        "Confidence": part.confidence,
        "AnomalyScore": part.anomaly_score,
        "FailAbove": part.fail_above,
        "ObjectsFound": part.objects_found,
    }
    named = [_named(name, ua.Variant(value, _KIND[type(value)])) for name, value in values.items()]
    found = part.detections
    classes = ua.Variant([each.class_name for each in found], ua.VariantType.String, is_array=True)
    boxes = [edge for each in found for edge in each.bbox]
    places = ua.Variant(boxes, ua.VariantType.Int32, is_array=True)
    return [*named, _named("Classes", classes), _named("Boxes", places)]


def recipe_id(recipe: Recipe) -> Any:
    """A RecipeIdInternalDataType."""
    model = recipe.model
    return ua.RecipeIdInternalDataType(
        Id=f"{recipe.station_id}/{recipe.revision}", Version=model.version_id if model else None,
        Hash=_digest(model.digest) if model else None, HashAlgorithm="SHA-256" if model else None,
        Description=ua.LocalizedText(model.name) if model else None,
    )  # fmt: skip


def chosen(parts: Iterable[Inspection], filters: Sequence[Any]) -> list[Inspection]:
    """Those that GetResultListFiltered asks for; an empty filter lets all through."""
    state, _meas, part_id, _external, recipe, *_, job = (each.Value for each in filters[:9])
    if state not in (None, 0, COMPLETED):
        return []
    wanted = (_id(part_id), _id(recipe), _id(job))
    return [part for part in parts if _fits(part, wanted)]


def _fits(part: Inspection, wanted: tuple[str, str, str]) -> bool:
    has = (part.part_id or "", f"{part.station_id}/{part.recipe_revision}", part.frame_id)
    return all(want in ("", value) for want, value in zip(wanted, has, strict=True))


def _id(value: Any) -> str:
    return str(getattr(value, "Id", None) or "")


def _named(name: str, value: ua.Variant) -> ua.Variant:
    pair = ua.KeyValuePair(Key=ua.QualifiedName(name), Value=value)
    return ua.Variant(pair, ua.VariantType.ExtensionObject)


def _digest(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
