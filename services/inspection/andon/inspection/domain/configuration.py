"""How the configuration document changes: checked as a whole, all of it or nothing."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import TypeAdapter, ValidationError

from andon.contracts import BadRequest, Message
from andon.contracts.config import (
    AlertingSection,
    Backend,
    BatchSection,
    Change,
    InspectionSection,
    LimitsSection,
    QuerySection,
    Secret,
    SiteSection,
    Value,
    Values,
)

API_KEY = "query.api_key"
_SECTIONS: dict[str, type[Message]] = {
    "inspection": InspectionSection,
    "alerting": AlertingSection,
    "batch": BatchSection,
    "query": QuerySection,
    "limits": LimitsSection,
    "site": SiteSection,
}
_SECRETS = frozenset({API_KEY})
_SECRET: TypeAdapter[str] = TypeAdapter(Secret)
_DERIVED = frozenset({"query.api_key_set"})
_KEY_BELONGS_TO = ("query.backend", "query.base_url")
"""The key was given for these: one that stayed while they change would be sent to somebody else."""

Chosen = Mapping[str, Value]
"""What people set, by section and name, such as {"alerting.pass_rate_target": 0.95}."""


def effective(defaults: Values, chosen: Chosen) -> Values:
    """The values that hold. What is chosen was checked when it was set."""
    sections = {name: getattr(defaults, name) for name in _SECTIONS}
    for field, value in chosen.items():
        section, _, name = field.partition(".")
        if field not in _SECRETS and name in _SECTIONS[section].model_fields:
            sections[section] = sections[section].model_copy(update={name: _typed(field, value)})
    key = {"api_key_set": bool(chosen.get(API_KEY)) or _has_own_key(defaults, chosen)}
    sections["query"] = sections["query"].model_copy(update=key)
    return Values(**sections)


def changed(defaults: Values, chosen: Chosen, wanted: Mapping[str, Mapping[str, Value]]) -> dict[str, Value]:
    """What is chosen afterwards. Raises BadRequest that names each wrong field."""
    named = {f"{section}.{name}": value for section, part in wanted.items() for name, value in part.items()}
    faults = _unknown(wanted) | _misfits(named)
    if faults:
        raise _refused(faults)
    after: dict[str, Value] = {**chosen, **named}
    if any(after.get(field) != chosen.get(field) for field in _KEY_BELONGS_TO) and API_KEY not in named:
        after.pop(API_KEY, None)
    after = {field: value for field, value in after.items() if value is not None and value != ""}
    values = effective(defaults, after)
    if values.query.backend is not Backend.LOCAL and not values.query.model:
        raise _refused({"query.model": f"the backend '{values.query.backend}' needs the name of a model"})
    if values.site.zone and not _is_zone(values.site.zone):
        raise _refused({"site.zone": f"there is no time zone {values.site.zone}"})
    return after


def differences(defaults: Values, before: Chosen, after: Chosen) -> tuple[Change, ...]:
    """What holds differently, field by field; of a secret only whether there is one.

    None stands for a value that follows the services' own settings, where it was made firm or let go.
    """
    old, new = _flat(effective(defaults, before)), _flat(effective(defaults, after))
    found: list[Change] = []
    for name in sorted(old.keys() - _DERIVED):
        if old[name] != new[name]:
            found.append(Change(field=name, before=old[name], after=new[name]))
        elif (name in before) != (name in after):
            found.append(Change(field=name, before=before.get(name), after=after.get(name)))
    if before.get(API_KEY) != after.get(API_KEY):
        found.append(Change(field=API_KEY, before=_told(before), after=_told(after)))
    return tuple(found)


def is_sent_elsewhere(chosen: Iterable[str]) -> bool:
    """Whether people chose whom questions go to: the key the service was started with is not for those."""
    return not set(_KEY_BELONGS_TO).isdisjoint(chosen)


def _has_own_key(defaults: Values, chosen: Chosen) -> bool:
    return defaults.query.api_key_set and not is_sent_elsewhere(chosen)


def _told(chosen: Chosen) -> str:
    return "set" if chosen.get(API_KEY) else "not set"


def _flat(values: Values) -> dict[str, Value]:
    return {f"{section}.{name}": _plain(value) for section, part in values for name, value in part}


def _plain(value: Any) -> Value:
    if isinstance(value, tuple):
        return " ".join(cast("tuple[str, ...]", value))
    return value.value if isinstance(value, Enum) else value


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (OSError, ValueError, ZoneInfoNotFoundError):  # a folder of the data, no name, or unknown
        return False
    return True


def _unknown(wanted: Mapping[str, Mapping[str, Value]]) -> dict[str, str]:
    faults: dict[str, str] = {}
    for section, part in wanted.items():
        if section not in _SECTIONS:
            faults[section] = "there is no such section"
            continue
        names = _SECTIONS[section].model_fields
        for name in part:
            field = f"{section}.{name}"
            if field in _DERIVED:
                faults[field] = "it can't be set: set query.api_key"
            elif name not in names and field not in _SECRETS:
                faults[field] = "there is no such field"
    return faults


def _misfits(named: Chosen) -> dict[str, str]:
    faults: dict[str, str] = {}
    for field, value in named.items():
        try:
            if value is not None:
                _typed(field, value)
        except ValidationError as error:
            faults[field] = error.errors()[0]["msg"].removeprefix("Value error, ")
        except KeyError:
            continue  # named among the unknown
    return faults


def _typed(field: str, value: Value) -> Any:
    """The value as its field has it. Raises ValidationError, or KeyError for no field."""
    if field in _SECRETS:
        return _SECRET.validate_python(value)
    section, _, name = field.partition(".")
    if section not in _SECTIONS:
        raise KeyError(field)
    if name not in _SECTIONS[section].model_fields:
        raise KeyError(field)
    return getattr(_SECTIONS[section].model_validate({name: value}), name)


def _refused(faults: dict[str, str]) -> BadRequest:
    return BadRequest("; ".join(f"{name}: {why}" for name, why in faults.items()), faults)
