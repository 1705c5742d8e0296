"""What every test of training needs."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    """As in the fitting process: more would spin on matrices as small as ours."""
    with threadpool_limits(1, user_api="blas"):
        yield
