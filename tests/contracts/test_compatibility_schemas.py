"""A version of a subject never surprises those who know it."""

import copy
import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from generating import ROOT, schemas
from generating.__main__ import broken

from andon.contracts import inspection, station

JUDGED = schemas.of_payload(inspection.PART_JUDGED)


def changed(change: Callable[[dict[str, Any]], object]) -> list[str]:
    schema = copy.deepcopy(JUDGED)
    change(schema)
    return schemas.breaks(JUDGED, schema)


def test_the_contracts_break_nothing_that_is_written_down():
    assert broken(ROOT) == []


def test_the_working_tree_breaks_nothing_that_is_committed():
    """Also where somebody wrote the schemas anew with --break: it shows until that is committed."""
    surprises = list[str]()
    for path, text in schemas.documents().items():
        shown = subprocess.run(("git", "show", f"HEAD:{path}"), cwd=ROOT, capture_output=True, check=False)
        if shown.returncode == 0:
            found = schemas.breaks(json.loads(shown.stdout), json.loads(text))
            surprises += [f"{path}: {line}" for line in found]
    assert surprises == [], "make a new version of the subject instead"


def test_the_same_schema_breaks_nothing():
    assert changed(lambda _: None) == []


def test_a_lost_field_is_named():
    assert changed(lambda s: s["properties"].pop("part_id")) == ["part_id: lost"]


def test_a_lost_field_deep_inside_is_named():
    assert changed(lambda s: s["$defs"]["Detection"]["properties"].pop("bbox")) == ["detections[].bbox: lost"]


def test_a_newly_required_field_is_named():
    def require(schema: dict[str, Any]) -> None:
        schema["properties"]["shift"] = {"type": "string"}
        schema["required"].append("shift")

    assert changed(require) == ["shift: newly required"]


def test_an_optional_field_that_becomes_required_is_named():
    assert changed(lambda s: s["required"].append("part_id")) == ["part_id: newly required"]


@pytest.mark.parametrize(
    ("now", "why"),
    [
        ({"type": "string"}, "another type"),
        ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "null is a type, too"),
        ({"type": "array", "items": {"type": "number"}}, "many for one"),
    ],
)
def test_a_changed_type_is_named(now: dict[str, Any], why: str):
    found = changed(lambda s: s["properties"].update(anomaly_score=now))
    assert found == ["anomaly_score: type changed"], why


def test_a_changed_type_of_a_reference_and_of_a_list_s_items_is_named():
    other = {"$ref": "#/$defs/Decision"}
    assert changed(lambda s: s["properties"]["times"].update(other)) == ["times: type changed"]
    assert changed(lambda s: s["properties"]["detections"].update(items=other)) == [
        "detections[]: type changed"
    ]


def test_a_number_of_a_box_that_is_lost_is_named():
    def shorten(schema: dict[str, Any]) -> None:
        schema["$defs"]["Detection"]["properties"]["bbox"]["prefixItems"].pop()

    assert changed(shorten) == ["detections[].bbox: type changed"]


def test_a_lost_value_of_an_enumeration_is_named():
    found = changed(lambda s: s["$defs"]["Decision"]["enum"].remove("uncertain"))
    places = ("decision", "trial.decision")
    assert found == [f"{place}: 'uncertain' is no longer a value" for place in places]


def test_what_readers_tolerate_breaks_nothing():
    def extend(schema: dict[str, Any]) -> None:
        schema["properties"]["shift"] = {"type": "string", "default": ""}
        schema["properties"]["frame_id"]["description"] = "said better"
        schema["$defs"]["Decision"]["enum"].append("rework")
        schema["required"].remove("model_digest")

    assert changed(extend) == []


def test_a_model_that_holds_itself_in_other_models_ends():
    stations = schemas.of_reply(station.LIST)
    assert schemas.breaks(stations, copy.deepcopy(stations)) == []
