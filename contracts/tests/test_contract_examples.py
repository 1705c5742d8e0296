"""Examples that people read are what the code takes."""

import json
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from andon.contracts import SUBJECTS, Message, Problem, Query

CONTRACTS = Path(__file__).parents[1]
QUERIES: list[Query[Any, Any]] = [subject for subject in SUBJECTS if isinstance(subject, Query)]
MODELS: dict[str, type[Message]] = {
    "problem": Problem,
    **{subject.address: subject.payload for subject in SUBJECTS},
    **{f"{query.address}.reply": query.reply for query in QUERIES},
}


def example(name: str) -> Any:
    return json.loads((CONTRACTS / "examples" / f"{name}.json").read_text())


def test_every_message_has_an_example_and_no_example_is_left_over():
    assert {file.stem for file in (CONTRACTS / "examples").iterdir()} == set(MODELS)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_parses_and_names_only_fields_that_exist(name: str):
    given = example(name)
    parsed = MODELS[name].model_validate_json(json.dumps(given))
    assert unknown(given, parsed.model_dump(mode="json")) == []


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_example_fits_its_schema(name: str):
    schema = json.loads((CONTRACTS / "schemas" / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(example(name), schema)


def unknown(given: Any, understood: Any, at: str = "") -> list[str]:
    """Fields of an example that reading it dropped."""
    if isinstance(given, dict):
        members = cast("dict[str, Any]", given)
        lost = [f"{at}.{key}" for key in members if key not in understood]
        inside = [
            (value, understood[key], f"{at}.{key}") for key, value in members.items() if key in understood
        ]
    elif isinstance(given, list):
        items = cast("list[Any]", given)
        lost, inside = [], [(item, understood[index], f"{at}[{index}]") for index, item in enumerate(items)]
    else:
        return []
    return lost + [line for part in inside for line in unknown(*part)]
