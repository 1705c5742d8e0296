"""Reads one order per line, JSON, and answers each with one line; ends when nobody writes any more."""

import json
import os
import queue
import sys
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from andon.contracts import Refused
from andon.serving.comparison import OpenVinoFile

_NICE = 10
_FIRST_TO_GO = "800"
"""When memory runs out, the kernel ends this process before the inspector."""


class Bench:
    """Models by key, the one used last at the end."""

    def __init__(self) -> None:
        self._models: OrderedDict[str, OpenVinoFile] = OrderedDict()

    def load(self, order: dict[str, Any]) -> dict[str, Any]:
        """Load a file under a key; the models unused for longest make room."""
        model = OpenVinoFile(Path(order["path"]).read_bytes(), order["device"], order["threads"])
        self._models[order["key"]] = model
        self._models.move_to_end(order["key"])
        while len(self._models) > order["keep"]:
            self._models.popitem(last=False)
        return {"device": model.device, "keys": list(self._models)}

    def measure(self, order: dict[str, Any]) -> dict[str, Any]:
        """Compare the runtimes on a loaded model, or on a file that is let go afterwards."""
        if path := order.get("path"):
            model = OpenVinoFile(Path(path).read_bytes(), order["device"], order["threads"])
        else:
            model = self._models[order["key"]]
            self._models.move_to_end(order["key"])
        found = model.compare(order["iterations"], order["seconds"])
        return {
            **asdict(found),
            "device": model.device,
            "threads": model.threads,
            "inputs": {name: list(values.shape) for name, values in model.feed.items()},
        }


def main() -> None:
    """Serve until standard input ends."""
    answers = _own_standard_output()
    os.nice(_NICE)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)
    bench = Bench()
    orders: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(orders,), daemon=True).start()
    while True:
        order = json.loads(orders.get())
        try:
            answer = getattr(bench, order["do"])(order)
        except Refused as refused:
            answer = {"problem": refused.problem.model_dump()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _read(orders: "queue.SimpleQueue[str]") -> None:
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)  # the inspector is gone, or wants this process gone, whatever it is measuring


def _own_standard_output() -> TextIO:
    """What runtimes print goes where errors go, so that answers stay whole."""
    kept = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return kept


if __name__ == "__main__":
    main()
