"""node-opcua as a client, driven line by line: a second opinion on what our server says."""

import asyncio
import atexit
import fcntl
import json
import shutil
import subprocess
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

FOLDER = Path(__file__).parent / "opcua_client"
_INSTALL_SECONDS = 200
_ANSWER_SECONDS = 60.0


class NotInstalled(Exception):
    """npm could not fetch what the lock names."""


def install() -> None:
    """Fetch the client's packages, once. Raises NotInstalled."""
    if shutil.which("npm") is None:
        raise NotInstalled("there is no npm on this machine")
    with (Path(tempfile.gettempdir()) / "andon-node-opcua.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        done = FOLDER / "node_modules" / ".done"
        lock = (FOLDER / "package-lock.json").read_text(encoding="utf-8")
        if done.exists() and done.read_text(encoding="utf-8") == lock:
            return
        command = ["npm", "ci", "--no-audit", "--no-fund", "--prefer-offline"]
        try:
            subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, timeout=_INSTALL_SECONDS)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
            raise NotInstalled(
                f"npm ci failed, is the registry reachable? {error.stderr or error}"
            ) from error
        done.write_text(lock, encoding="utf-8")


@cache
def _pki() -> Path:
    """Keys and certificates of all clients of this run; making one takes seconds."""
    folder = Path(tempfile.mkdtemp(prefix="andon-node-opcua-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class NodeClient:
    """One client process; what it sees without being asked lies in `events`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.events: list[dict[str, Any]] = []
        self._asked = 0
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "node.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                "node", "client.js", cwd=FOLDER, limit=1 << 24,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_: object) -> None:
        with suppress(Exception):
            await asyncio.wait_for(self.ask("close"), 5)
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading

    async def ask(self, what: str, **given: Any) -> dict[str, Any]:
        """What it answers. Raises RuntimeError with its own words."""
        self._asked += 1
        waiting = self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"id": self._asked, "what": what, **given}).encode() + b"\n")
        await self._process.stdin.drain()
        answer = await asyncio.wait_for(waiting, _ANSWER_SECONDS)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["done"]

    async def certificate(self, application: str) -> bytes:
        """Its own, made at the first call (DER)."""
        import base64  # noqa: PLC0415 - only here

        made = await self.ask("certificate", pki=str(_pki()), application=application)
        return base64.b64decode(made["der"])

    async def connect(self, endpoint: str, **given: Any) -> dict[str, Any]:
        return await self.ask("connect", endpoint=endpoint, pki=str(_pki()), **given)

    def values(self, node: str) -> list[Any]:
        """Of a subscribed node, as they came."""
        return [each["value"] for each in self.events if each["event"] == "changed" and each["node"] == node]

    def told(self, node: str) -> list[dict[str, Any]]:
        """Events of a node, as they came."""
        return [each["fields"] for each in self.events if each["event"] == "event" and each["node"] == node]

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line) if line.startswith(b"{") else {}
            if "id" in message:
                self._waiting.pop(message["id"]).set_result(message)
            elif "event" in message:
                self.events.append(message)
