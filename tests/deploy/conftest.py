"""Each service in turn, and what these tests share."""

import sys
from pathlib import Path

import pytest

from andon.contracts import SERVICES
from andon.runtime import ServiceDefinition
from andon.runtime.registry import definition_of

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    return request.param


@pytest.fixture
def definition(service: str) -> ServiceDefinition:
    """Its definition, as the runtime loads it."""
    return definition_of(service)
