"""Begins keepers as the agent asks: a folder's path a line on standard input, until that ends.

It stays small and has one thread, so that a keeper is a fork of it and starts in a millisecond. What keepers
have to tell the agent is a line with the folder's name on standard output.
"""

import os
import signal
import sys
from pathlib import Path

from andon.agent.keeper.keeping import keep


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the agent
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers leave their word in a file
    for line in sys.stdin.buffer:
        folder = Path(os.fsdecode(line.rstrip(b"\n")))
        if os.fork() == 0:
            _be_keeper(folder)


def _be_keeper(folder: Path) -> None:
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        news = os.dup(1)
        for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY)):
            nowhere = os.open(os.devnull, flags)
            os.dup2(nowhere, number)
            os.close(nowhere)
        diary = os.open(folder / "keeper.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(diary, 2)
        os.close(diary)
        keep(folder, news)
        status = 0
    finally:
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
