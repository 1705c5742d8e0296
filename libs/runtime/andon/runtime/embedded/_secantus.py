"""A stand-in for MongoDB on one machine: SecantusDB, for evaluation and tests only.

It is GPL-2.0 and beta, so it lives in an environment of its own and is never imported.
"""

import shutil
import socket
import struct
from pathlib import Path

from andon.runtime.embedded._child import NotReady, Server
from andon.runtime.embedded._ports import LOOPBACK

_PROGRAM = "secantusd-py"
_CACHE = "512M"
"""Taken as it is filled; once a fifth of it waits to be written, every writing thread has to help."""


def mongo_uri(port: int) -> str:
    """Retryable writes slow SecantusDB down more and more; without journal=true a kill -9 loses writes."""
    return f"mongodb://{LOOPBACK}:{port}/?retryWrites=false&journal=true"


def secantus_server(folder: Path, port: int, program: Path | None = None) -> Server:
    """A SecantusDB over `folder`, not started yet. Raises NotReady when it is not installed."""
    command = (
        str(secantus_program(program)), "--host", LOOPBACK, "--port", str(port),
        "--storage-path", str(folder / "store"), "--cache-size", _CACHE, "--log-level", "WARNING",
    )  # fmt: skip
    return Server(
        "mongo",
        command,
        lambda: _says_hello(port),
        log=folder / "mongo.log",
        env={"MALLOC_ARENA_MAX": "2"},
        patience=5.0,
    )


def secantus_program(named: Path | None = None) -> Path:
    """Where it is installed: as named, in the checkout's .venv-mongo, or on the PATH. Raises NotReady."""
    if named is not None:
        candidates = [named]
    else:
        folders = {parent for start in (Path.cwd(), Path(__file__)) for parent in (start, *start.parents)}
        candidates = [folder / ".venv-mongo" / "bin" / _PROGRAM for folder in folders]
        candidates += [Path(found) for found in (shutil.which(_PROGRAM),) if found]
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise NotReady(
        f"{named or _PROGRAM} is not installed: scripts/setup puts it into .venv-mongo; "
        "or name a MongoDB of your own in ANDON_MONGO__URI"
    )


_HEADER = 16
_HELLO = bytes.fromhex("1068656c6c6f0001000000022464620006000000") + b"admin\x00\x00"
"""The BSON document {hello: 1, $db: "admin"} without its length."""


def _says_hello(port: int) -> bool:
    # One OP_MSG by hand: a driver here would start threads, and this lib would need one.
    document = struct.pack("<i", len(_HELLO) + 4) + _HELLO
    body = struct.pack("<IB", 0, 0) + document
    message = struct.pack("<iiii", _HEADER + len(body), 1, 0, 2013) + body
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(message)
            return len(connection.recv(_HEADER)) == _HEADER
    except OSError:
        return False
