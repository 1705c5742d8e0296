"""What a run has to be repeated with."""

import hashlib
import platform
from functools import cache
from importlib.metadata import distributions, version

from andon.contracts.learning import Repeat
from andon.training.domain.lessons import Lesson, digest_of


def repeat_of(lesson: Lesson, dataset_version: str | None) -> Repeat:
    """All that decides about the outcome."""
    return Repeat(
        order_sha256=digest_of(lesson),
        dataset_version=dataset_version,
        code_version=f"andon-training {version('andon-training')}",
        environment=installed(),
        python=platform.python_version(),
        seed=lesson.parameters.seed,
    )


@cache
def installed() -> str:
    """sha256 over the names and versions of all installed packages."""
    names = sorted({f"{each.metadata['Name'].lower()}=={each.version}" for each in distributions()})
    return hashlib.sha256("\n".join(names).encode()).hexdigest()
