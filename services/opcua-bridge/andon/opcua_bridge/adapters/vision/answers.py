"""The methods of a vision system: its jobs, its results and its recipe."""

# The companion model's types are made when its nodes are read: nobody can know them before.
# pyright: reportAttributeAccessIssue=false, reportPrivateImportUsage=false, reportArgumentType=false

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from asyncua import ua

from andon.contracts import NotFound
from andon.contracts.inspection import Inspection
from andon.contracts.station import Recipe
from andon.opcua_bridge.adapters.vision.results import (
    COMPONENTS,
    chosen,
    components,
    content,
    recipe_id,
    result,
)
from andon.opcua_bridge.adapters.vision.systems import Method
from andon.opcua_bridge.adapters.visitors import Caller

Given = tuple[ua.Variant, ...]

_NO_HANDLE = ua.Variant(0, ua.VariantType.UInt32)
"""Results are handed out whole: there is nothing to release."""
_FINE = ua.Variant(0, ua.VariantType.Int32)
_MAX_RESULTS, _START = 9, 10


@dataclass(frozen=True)
class Asked:
    """What a vision system needs to know and do. All raise Refused."""

    results: Mapping[str, Sequence[Inspection]]
    """Of each station, newest first."""
    recipe: Callable[[str], Recipe]
    halt: Callable[[str, Caller], Awaitable[None]]
    reset: Callable[[str, Caller], Awaitable[None]]
    start: Callable[[str, Caller, str | None], Awaitable[str]]
    """Called with a part's id too; comes back with the job's."""


def methods(asked: Asked) -> dict[str, Method]:
    """By their place below the system; whoever asks decides who may."""
    return {**_jobs(asked), **_answers(asked.results, asked.recipe)}


def _jobs(asked: Asked) -> dict[str, Method]:
    async def halt(station_id: str, who: Caller, _given: Given) -> list[ua.Variant]:
        await asked.halt(station_id, who)
        return [_FINE]

    async def reset(station_id: str, who: Caller, _given: Given) -> list[ua.Variant]:
        await asked.reset(station_id, who)
        return [_FINE]

    async def start(station_id: str, who: Caller, given: Given) -> list[ua.Variant]:
        part_id = getattr(given[1].Value, "Id", None) or None
        job = await asked.start(station_id, who, part_id)
        return [_object(ua.JobIdDataType(Id=job)), _FINE]

    return {
        "VisionStateMachine.Halt": halt,
        "VisionStateMachine.Reset": reset,
        "VisionStateMachine.AutomaticModeStateMachine.StartSingleJob": start,
    }


def _answers(
    results: Mapping[str, Sequence[Inspection]], recipe: Callable[[str], Recipe]
) -> dict[str, Method]:

    def by_id(station_id: str, given: Given) -> Inspection:
        wanted = str(getattr(given[0].Value, "Id", "") or "")
        for part in results.get(station_id, ()):
            if part.id == wanted:
                return part
        raise NotFound(f"there is no result {wanted[:64]} any more")

    async def whole(station_id: str, _who: Caller, given: Given) -> list[ua.Variant]:
        return [_NO_HANDLE, _object(result(by_id(station_id, given))), _FINE]

    async def in_parts(station_id: str, _who: Caller, given: Given) -> list[ua.Variant]:
        part = by_id(station_id, given)
        found = components(part)
        values = [
            ua.Variant(found[name], kind) if found[name] is not None else ua.Variant()
            for name, kind in COMPONENTS
        ]
        kept = ua.Variant(content(part), ua.VariantType.Variant, is_array=True)
        return [ua.Variant(False, ua.VariantType.Boolean), _NO_HANDLE, *values, kept, _FINE]

    async def filtered(station_id: str, _who: Caller, given: Given) -> list[ua.Variant]:
        fitting = chosen(results.get(station_id, ()), given)
        most, start = (int(given[place].Value or 0) for place in (_MAX_RESULTS, _START))
        page = fitting[start : start + most] if most else fitting[start:]
        return _listed(page, [result(each) for each in page], len(fitting) - start)

    return {
        "ResultManagement.GetResultById": whole,
        "ResultManagement.GetResultComponentsById": in_parts,
        "ResultManagement.GetResultListFiltered": filtered,
        "RecipeManagement.GetRecipeListFiltered": _recipes(recipe),
    }


def _recipes(recipe: Callable[[str], Recipe]) -> Method:
    async def recipes(station_id: str, _who: Caller, _given: Given) -> list[ua.Variant]:
        try:
            active = [recipe_id(recipe(station_id))]
        except NotFound:
            active = []
        return _listed(active, active, len(active))

    return recipes


def _listed(page: Sequence[Any], values: list[Any], available: int) -> list[ua.Variant]:
    complete = ua.Variant(len(page) >= available, ua.VariantType.Boolean)
    count = ua.Variant(len(page), ua.VariantType.UInt32)
    return [
        complete,
        count,
        _NO_HANDLE,
        ua.Variant(values, ua.VariantType.ExtensionObject, is_array=True),
        _FINE,
    ]


def _object(value: Any) -> ua.Variant:
    return ua.Variant(value, ua.VariantType.ExtensionObject)
