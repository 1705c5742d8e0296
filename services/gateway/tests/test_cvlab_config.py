"""Configurations are read as plain values, within bounds, and nothing of them is run."""

import pytest

from andon.contracts import BadRequest
from andon.gateway.cvlab.jobs.config import LONGEST, read

_NESTED = "[" * 70 + "]" * 70
_BOMB = "a: &a [" + "x, " * 999 + "x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 40)}]\n" for old, new in ("ab", "bc", "cd")
)  # fmt: skip


async def test_plain_values_are_read_and_tuples_are_lists():
    text = "project: welds\nrun_name: r 1\nsize: !!python/tuple [3, 4]\nwhen: 2026-11-21\n1: one\n"
    config = await read(text)
    assert config.parameters == {
        "project": "welds", "run_name": "r 1", "size": [3, 4], "when": "2026-11-21", "1": "one",
    }  # fmt: skip
    assert (config.name("project"), config.name("run_name"), config.name("size")) == ("welds", "r 1", None)


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "-rf", "a\nb", "x" * 101, "", "a\x00"])
async def test_what_may_be_no_folder_is_no_name(name: str):
    assert (await read(f"project: {name!r}\n")).name("project") is None


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['id']",
        "a: !!python/object/new:os.system ['id']",
        "a: !!python/name:os.system",
        "a: &a {b: *a}",
        f"a: {_NESTED}",
        _BOMB,
        "a: [1, 2",
        "a: b: c",
        "- a",
        "just words",
        "",
        "? [a]\n: 1",
        "a: 2026-02-31",
        "a: \x07",
        "a: 1\n---\nb: 2",
        "x: " + "y" * LONGEST,
        "a: \ud800",
    ],
)
async def test_anything_else_is_refused_by_its_field(text: str):
    with pytest.raises(BadRequest) as refused:
        await read(text)
    assert set(refused.value.problem.fields) == {"config"}


async def test_large_values_are_kept_in_the_text_alone():
    config = await read("a: " + "y" * 10_000)
    assert config.parameters == {}
    assert len(config.text) > 10_000
