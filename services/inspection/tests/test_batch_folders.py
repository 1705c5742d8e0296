"""Folders of the server: only what the operator opened, whatever links say."""

import os

import pytest

from andon.contracts import BadRequest, Forbidden, Invalid, TooLarge
from andon.inspection.adapters.folders import Roots, files_of, read_file
from andon.inspection.domain.batch import matching

JPG = matching("*.jpg")


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "shift").mkdir(parents=True)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.jpg").write_bytes(b"secret")
    return root


@pytest.fixture
def roots(root):
    return Roots((root,), "ANDON_BATCH__ROOTS")


def test_a_folder_below_a_root_is_opened_by_its_real_path(root, roots):
    (root / "link").symlink_to(root / "shift")
    assert roots.folder(str(root / "link"), "input_dir") == (root / "shift").resolve()
    assert roots.folder(str(root), "input_dir") == root.resolve()


def test_without_roots_the_setting_that_would_allow_it_is_named(root):
    with pytest.raises(Forbidden, match="ANDON_BATCH__ROOTS"):
        Roots((), "ANDON_BATCH__ROOTS").folder(str(root), "input_dir")


def test_what_is_outside_looks_the_same_whether_it_exists_or_not(tmp_path, root, roots):
    (root / "escape").symlink_to(tmp_path / "secret")
    (root / "circle").symlink_to(root / "circle")
    (tmp_path / "root2").mkdir()  # shares the root's beginning
    said = set()
    for name in ("escape", "../secret", "../nothing", "../root2", "circle"):
        given = os.path.normpath(root / name) if name.startswith("..") else str(root / name)
        with pytest.raises(Forbidden, match="input_dir") as error:
            roots.folder(given, "input_dir")
        said.add(str(error.value))
    assert len(said) == 1


@pytest.mark.parametrize("given", ["shift", "./shift", "/a/../b", "/a\x00b", "~"])
def test_a_path_that_is_not_absolute_and_plain_is_a_bad_request(roots, given):
    with pytest.raises(BadRequest, match="input_dir"):
        roots.folder(given, "input_dir")


def test_what_is_no_folder_is_said_so(root, roots):
    (root / "file").touch()
    for name in ("nothing", "file"):
        with pytest.raises(Invalid, match="no folder"):
            roots.folder(str(root / name), "input_dir")


def test_files_come_by_name_without_hidden_ones_and_links_to_outside(tmp_path, root, roots):
    folder = root / "shift"
    for name in ("b.jpg", "a.JPG", ".hidden.jpg", "c.png"):
        (folder / name).write_bytes(b"x")
    (folder / "deep").mkdir()
    (folder / "deep" / "d.jpg").write_bytes(b"x")
    (folder / "out.jpg").symlink_to(tmp_path / "secret" / "key.jpg")
    (folder / "in.jpg").symlink_to(folder / "b.jpg")
    (folder / "broken.jpg").symlink_to(folder / "nothing")
    (folder / "round").symlink_to(folder)
    assert files_of(folder, JPG, roots, most=9) == ["a.JPG", "b.jpg", "in.jpg"]
    assert files_of(folder, JPG, roots, recursive=True, most=9) == ["a.JPG", "b.jpg", "deep/d.jpg", "in.jpg"]
    with pytest.raises(Invalid, match="more than 2"):
        files_of(folder, JPG, roots, most=2)


def test_a_file_that_became_a_link_to_outside_is_not_read(tmp_path, root, roots):
    (root / "a.jpg").symlink_to(tmp_path / "secret" / "key.jpg")
    with pytest.raises(Invalid, match="leads out"):
        read_file(root / "a.jpg", roots)


def test_what_is_no_readable_file_is_said_so_and_never_waited_for(root, roots):
    (root / "empty.jpg").touch()
    os.mkfifo(root / "pipe.jpg")
    with (root / "large.jpg").open("wb") as file:
        file.truncate(21 << 20)
    for name, error, why in (
        ("empty.jpg", Invalid, "empty"),
        ("pipe.jpg", Invalid, "regular"),
        ("gone.jpg", Invalid, "No such file"),
        ("shift", Invalid, "directory"),
        ("large.jpg", TooLarge, "20 MB"),
    ):
        with pytest.raises(error, match=why):
            read_file(root / name, roots)
