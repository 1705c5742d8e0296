"""What the documentation says a test shows, a test shows."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/http-api.md").read_text()
NAMED = sorted(set(re.findall(r"`(test_\w+\.py)::(test_\w+)`", PAGE)))


@pytest.fixture(scope="module")
def files() -> dict[str, Path]:
    return {
        path.name: path for top in ("libs", "services", "tests") for path in (ROOT / top).rglob("test_*.py")
    }


def test_the_page_names_tests():
    assert len(NAMED) > 30


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_is_named_is_there(files: dict[str, Path], file: str, name: str):
    assert re.search(rf"^(async )?def {name}\(", files[file].read_text(), re.MULTILINE)
