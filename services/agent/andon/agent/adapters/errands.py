"""`andon` commands that the agent has run for its jobs, against the gateway and with its own key."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
_LAST_WORDS = 2000


@dataclass(frozen=True)
class Door:
    """Where the gateway is, and with which key."""

    url: str
    key: SecretStr


@dataclass
class Errand:
    """A running one."""

    process: asyncio.subprocess.Process
    output: Path

    async def wait(self) -> int:
        """Its exit code; whoever waits no longer has it ended."""
        try:
            return await self.process.wait()
        except asyncio.CancelledError:
            self.end()
            raise

    def ask_to_finish(self) -> None:
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """At once."""
        with suppress(ProcessLookupError):
            self.process.kill()

    def last_words(self) -> str:
        """The end of what it said."""
        try:
            return self.output.read_bytes()[-_LAST_WORDS:].decode("utf-8", "replace").strip()
        except OSError:
            return ""


@dataclass(frozen=True)
class Errands:
    door: Door

    async def begin(self, folder: Path, name: str, *words: str) -> Errand:
        """`andon WORDS...` in this folder, where its output is `name`.txt. Raises OSError."""
        output = folder / f"{name}.txt"
        environment = {each: os.environ[each] for each in _PASSED_ON if each in os.environ}
        places = {"ANDON_URL": self.door.url, "ANDON_DATA": str(folder)}
        with output.open("wb") as out:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "andon.agent.adapters.errand",
                *words,
                stdin=asyncio.subprocess.PIPE,
                stdout=out,
                stderr=out,
                env=environment | places,
                cwd=folder,
                start_new_session=True,
            )
        assert process.stdin is not None  # noqa: S101 - a pipe was asked for
        with suppress(ConnectionError):  # it has ended already; its exit code says so
            process.stdin.write(self.door.key.get_secret_value().encode() + b"\n")
            await process.stdin.drain()
        return Errand(process, output)
