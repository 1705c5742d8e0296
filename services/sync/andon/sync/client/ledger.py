"""What the client knows is kept on the server: a small database beside the files, safe on disk."""

import fcntl
import secrets
import socket
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

FOLDER = ".andon-sync"
"""In the synced folder; never sent."""
_TABLES = """
create table if not exists files (
    path text primary key, local text not null, generation integer not null, size integer not null,
    device integer not null, inode integer not null, length integer not null, mtime integer not null,
    ctime integer not null, tail text not null, sha256 text
) without rowid;
create table if not exists facts (name text primary key, value text not null);
"""


class LedgerTaken(Exception):
    """Another process syncs this folder."""


@dataclass(frozen=True)
class Stamp:
    """What a file system tells of a file; where it is the same, the bytes are taken to be the same."""

    device: int
    inode: int
    length: int
    mtime: int
    ctime: int


@dataclass(frozen=True)
class Entry:
    """A file's checkpoint on this side."""

    path: str
    """As the server spells it."""
    local: str
    """As this disk spells it."""
    generation: int
    size: int
    """Bytes the server has acknowledged."""
    stamp: Stamp
    """When they were read."""
    tail: str = ""
    """XXH3-64 of the last of them."""
    sha256: str | None = None
    """Of all of them, where it was needed."""


class Ledger:
    """Entries by path. Nothing of it is lost in a crash but what can be asked of the server again."""

    def __init__(self, folder: Path, server: str, uid: str) -> None:
        """Raises LedgerTaken, OSError where the folder can't be written."""
        folder.mkdir(parents=True, exist_ok=True)
        self._turn = threading.Lock()
        self._lock = (folder / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise LedgerTaken(f"another process syncs this folder (it holds {folder}/lock)") from None
        try:
            self._open(folder / "ledger.db")
        except sqlite3.DatabaseError:  # torn by a broken disk: all of it can be asked of the server again
            for file in folder.glob("ledger.db*"):
                file.unlink()
            self._open(folder / "ledger.db")
        if self._fact("target") != f"{server} {uid}":
            with self._database:
                self._database.execute("delete from files")
                self._set("target", f"{server} {uid}")
        self.writer = self._fact("writer") or f"{_ascii(socket.gethostname())}.{secrets.token_hex(4)}"
        with self._database:
            self._set("writer", self.writer)

    def entries(self, paths: Sequence[str]) -> dict[str, Entry]:
        """Those there are of these paths; at most 1000."""
        marks = ",".join("?" * len(paths))
        rows = self._database.execute(f"select * from files where path in ({marks})", tuple(paths))  # noqa: S608 - question marks alone
        return {row[0]: _entry(row) for row in rows}

    def put(self, entries: Iterable[Entry]) -> None:
        """On disk when this returns."""
        rows = [
            (
                each.path, each.local, each.generation, each.size, each.stamp.device, each.stamp.inode,
                each.stamp.length, each.stamp.mtime, each.stamp.ctime, each.tail, each.sha256,
            )
            for each in entries
        ]  # fmt: skip
        with self._turn, self._database:
            self._database.executemany(f"replace into files values ({','.join('?' * 11)})", rows)  # noqa: S608

    def drop(self, paths: Iterable[str]) -> None:
        """Forget what was known: the server is asked again."""
        with self._turn, self._database:
            self._database.executemany("delete from files where path = ?", [(path,) for path in paths])

    def close(self) -> None:
        self._database.close()
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Entry]:
        for row in self._database.execute("select * from files order by path"):
            yield _entry(row)

    def _open(self, file: Path) -> None:
        self._database = sqlite3.connect(file, check_same_thread=False)
        self._database.execute("pragma journal_mode = wal")
        self._database.execute("pragma synchronous = full")
        self._database.executescript(_TABLES)

    def _fact(self, name: str) -> str:
        row = self._database.execute("select value from facts where name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def _set(self, name: str, value: str) -> None:
        self._database.execute("replace into facts values (?, ?)", (name, value))


def _entry(row: tuple[str, str, int, int, int, int, int, int, int, str, str | None]) -> Entry:
    return Entry(row[0], row[1], row[2], row[3], Stamp(*row[4:9]), row[9], row[10])


def _ascii(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in name)[:64] or "host"
