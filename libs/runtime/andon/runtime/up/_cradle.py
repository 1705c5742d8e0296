"""What the nursery alone reads, and first: from here on it dies with its parent, even while it reads."""

import os

from andon.runtime.embedded import die_with_parent

_ORPHAN = 1

die_with_parent()
if os.getppid() == _ORPHAN:
    os._exit(1)
