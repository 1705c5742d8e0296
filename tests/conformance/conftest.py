"""One whole Andon for all that is asked of it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from andon.testing._servers import Servers

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "services/inspection/tests"))
sys.path.insert(0, str(HERE))
from whole_andon import START_SECONDS, Andon, standing  # noqa: E402 - found only now


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == HERE and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(START_SECONDS + 60))  # whichever comes first starts it all


@pytest.fixture(scope="package")
def andon(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Andon]:
    with standing(servers, tmp_path_factory.mktemp("andon")) as andon:
        yield andon
