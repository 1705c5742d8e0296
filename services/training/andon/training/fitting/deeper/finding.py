"""Makes torch importable from where it is installed, which is never this program's own lock."""

import os
import sys

from andon.contracts import Invalid
from andon.runtime import optional

PACKAGE = "torch"


def made_importable() -> None:
    """Once, before anything else of this folder is imported. Raises Invalid where there is no torch.

    Its folder comes last on the path, so that what Andon's own lock pins is found first.
    """
    folder = optional(PACKAGE)
    if folder is None:
        raise Invalid(
            "parameters.trainer: torch is not installed on this machine; scripts/setup --torch puts it into"
            " .venv-torch"
        )
    # Threads that spin while they wait cost twice the processor time where other things run, too.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
