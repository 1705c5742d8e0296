"""One of `andon`'s own commands with the agent's key, which comes by the standard input.

Its environment and memory are closed to jobs, which run as the same user; and it ends with its agent.
"""

import os
import threading
from io import FileIO

from andon.agent.adapters.secrecy import hide_memory

_INPUT = FileIO(0, closefd=False)
"""Without a buffer, whose lock a waiting thread would hold when this process ends."""


def main() -> None:
    """`python -m andon.agent.adapters.errand sync FOLDER ...`; the first line of its input is the key."""
    hide_memory()
    os.environ["ANDON_KEY"] = _INPUT.readline().decode().strip()
    threading.Thread(target=_end_with_the_agent, daemon=True).start()
    from andon.runtime.cli import main as andon  # noqa: PLC0415 - it may not see the key missing

    andon()


def _end_with_the_agent() -> None:
    while _INPUT.read(1024):
        pass
    os._exit(137)


if __name__ == "__main__":
    main()
