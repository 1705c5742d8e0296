"""Decisions about components, as tables and properties."""

import ast
import gzip
import io
import re
import tarfile
import unicodedata
from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from andon.component_store.domain.archive import packed, total_hash
from andon.component_store.domain.comparing import occurrences, unified
from andon.component_store.domain.conflicts import Difference, Resolution, Strategy, difference, resolution
from andon.component_store.domain.content import Room, checked, digest
from andon.component_store.domain.paths import placed, placed_or_none
from andon.component_store.domain.signature import signature_of
from andon.contracts import BadRequest, Invalid
from andon.contracts.component import Category, Kind, ManifestFile

ROOM = Room(1 << 20, 256 << 10)
CATEGORIES = st.sampled_from(list(Category))
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
SLASHES = st.text("/\\", max_size=3)


@given(CATEGORIES, NAMES, st.tuples(SLASHES, st.sampled_from("/\\"), SLASHES), st.booleans())
def test_a_path_is_found_however_it_is_written(category, name, slashes, ending):
    before, between, after = slashes
    written = f"{before}{category}{between}{name}{'.py' if ending else ''}{after}"
    assert placed(written).path == f"{category}/{name}.py"


@given(st.text(st.characters(codec=None), max_size=40))
@example("agent/../../x")
@example("agent/./x")
@example("agent/x/y")
@example("agent/x.py.py")
@example("agent/\N{FULLWIDTH LATIN SMALL LETTER A}")
@example("agent/a\N{COMBINING ACUTE ACCENT}")
@example("agent/x\n")
@example("agent/x\0.py")
@example("Agent/x")
@example("agent/1x")
def test_whatever_is_taken_stays_in_its_folder_and_is_one_name_for_one_file(text):
    place = placed_or_none(f"agent/{text}")
    if place is None:
        return
    category, _, file_name = place.path.partition("/")
    assert category == "agent"
    assert re.fullmatch(r"[A-Za-z_]\w*\.(py|yaml|onnx)", file_name)
    assert unicodedata.normalize("NFKC", place.path) == place.path
    assert placed(place.path) == place
    assert ".." not in place.file.parts
    assert place.file.parts[0] == "agent"
    assert len(place.file.parts) == 2


@given(st.text(max_size=30))
def test_no_other_category_is_taken(text):
    known = text.replace("\\", "/").strip("/") in {category.value for category in Category}
    if not known:
        assert placed_or_none(f"{text}/resnet.py") is None


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("agent/classification.py", "agent/classification.py"),
        ("model/resnet", "component/model/resnet.py"),
        ("solver/fast.yaml", "component/solver/fast.yaml"),
        ("model/na\u00efve.py", "component/model/na\u00efve.py"),
    ],
)
def test_agents_stand_beside_all_other_components(path, file):
    assert placed(path).file == PurePosixPath(file)


def test_a_name_has_an_end():
    assert placed("model/" + "a" * 100)
    for name in ("a" * 101, "a" + "\u0bb9" * 90):
        with pytest.raises(BadRequest, match="longer"):
            placed(f"model/{name}")


def test_the_hash_is_of_the_bytes_as_they_are():
    assert digest(b"a = 1\n").hash != digest(b"a = 1\r\n").hash
    assert digest(b"").hash == "2d06800538d394c2"
    assert re.fullmatch(r"[0-9a-f]{16}", digest("\u00e9".encode()).hash)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BOMB, "aliases"),
        ("a: &a\n  b: *a\n", "contains itself"),
        ("[" * 2000 + "]" * 2000, "YAML"),
        ("when: 2026-02-31\n", "day is out of range"),
        ("? {a: b}\n: c\n", "unhashable"),
        ("a: !!python/name:os.system\n", "line 1"),
        ("a: b: c\n", "line 1, column 5"),
        ("a: 1\n---\nb: 2\n", "line 2"),
        ("a: \u0007\n", "YAML"),
    ],
)
def test_a_configuration_that_is_no_plain_values_is_refused(text, told):
    with pytest.raises(Invalid, match=told):
        checked(text.encode(), Kind.CONFIG, ROOM)


@given(st.binary(max_size=60))
def test_any_bytes_are_taken_or_refused(data):
    for kind in (Kind.CODE, Kind.CONFIG):
        try:
            checked(data, kind, ROOM)
        except Invalid as refused:
            assert refused.problem.fields["line"].isdecimal()  # noqa: PT017 - either is well


def test_code_of_every_form_is_taken():
    for text in (
        "",
        "\ufeffa = 1\n",
        "# -*- coding: utf-8 -*-\na = '\u00e9'\n",
        "pattern = '\\d'\n",
        "a = 1\r\n",
    ):
        checked(text.encode(), Kind.CODE, ROOM)


@pytest.mark.parametrize(
    ("local", "server", "known", "found"),
    [
        (None, None, False, None),
        ("a", "a", True, None),
        ("a", None, False, Difference.LOCAL_ONLY),
        (None, "a", False, Difference.SERVER_ONLY),
        ("a", "b", True, Difference.SERVER_NEWER),
        ("a", "b", False, Difference.LOCAL_NEWER),
    ],
)
def test_a_difference_has_a_kind(local, server, known, found):
    assert difference(local, server, known=known) is found


UP, DOWN = Resolution.USE_LOCAL, Resolution.USE_SERVER


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.SERVER_AUTHORITATIVE, (UP, DOWN, DOWN, DOWN)),
        (Strategy.LOCAL_PRIORITY, (UP, DOWN, DOWN, UP)),
        (Strategy.INTERACTIVE, (Resolution.ASK,) * 4),
        (Strategy.DRY_RUN, (Resolution.SKIP,) * 4),
    ],
)
def test_a_strategy_settles_each_kind(strategy, expected):
    kinds = (
        Difference.LOCAL_ONLY, Difference.SERVER_ONLY, Difference.SERVER_NEWER, Difference.LOCAL_NEWER
    )  # fmt: skip
    assert tuple(resolution(kind, strategy) for kind in kinds) == expected


def test_an_archive_is_the_same_in_any_order_and_holds_nothing_of_this_machine():
    files = {"b/two.py": b"2", "a/one.py": b"1"}
    archive = packed(files)
    assert packed(dict(sorted(files.items()))) == archive
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as opened:
        entries = opened.getmembers()
        assert [entry.name for entry in entries] == ["a/one.py", "b/two.py"]
        assert {(entry.mtime, entry.uid, entry.gid, entry.uname, entry.mode) for entry in entries} == {
            (0, 0, 0, "", 0o644)
        }


def test_a_bundle_s_hash_is_of_paths_and_contents():
    one = ManifestFile(path="model/a.py", hash="0" * 16, sha256="1" * 64, size=1)
    two = one.model_copy(update={"path": "model/b.py"})
    assert total_hash([one, two]) == total_hash([two, one])
    assert total_hash([one]) != total_hash([two])


def test_a_diff_is_unified_and_knows_a_last_line_without_its_end():
    shown = unified("a\nb\n", "a\nc", "model/x.py", "old", "new")
    assert shown.splitlines() == [
        "--- model/x.py@old", "+++ model/x.py@new", "@@ -1,2 +1,2 @@", " a", "-b", "+c",
        "\\ No newline at end of file",
    ]  # fmt: skip
    assert unified("a\n", "a\n", "model/x.py", "old", "new") == ""
    with pytest.raises(Invalid, match="lines"):
        unified("a\n" * 6000, "b\n", "model/x.py", "old", "new")


def test_text_is_found_whatever_its_case_and_cut_to_some_lines():
    text = "class ResNet:\n    pass\n" + "resnet = 1\n" * 9
    assert list(occurrences(text, "resnet", 2)) == [(1, "class ResNet:"), (3, "resnet = 1")]
    assert list(occurrences(text, "(", 5)) == []


@pytest.mark.parametrize(
    ("code", "required", "optional", "open_"),
    [
        ("class A:\n def __init__(self, cfg, w, *, depth, act=1): ...", ("w", "depth"), ("act",), False),
        ("class A:\n def __init__(self, a=1, **more): ...", (), ("a",), True),
        ("class _P:\n def __init__(self, x): ...\nclass A(B):\n pass", (), (), True),
        ("def crop(size, pad=0): ...", ("size",), ("pad",), False),
        ("x = 1", (), (), True),
    ],
)  # fmt: skip
def test_parameters_are_read_from_the_tree(code, required, optional, open_):
    found = signature_of(ast.parse(code))
    assert (found.required, found.optional, found.open) == (required, optional, open_)
