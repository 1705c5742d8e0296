"""The store over HTTP: waits where it is told to, and believes no content that it has not hashed."""

import base64
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from andon.component_store.domain.content import digest
from andon.component_store.domain.paths import placed
from andon.contracts import BadRequest, Invalid, Problem, Refused, Unavailable, raised
from andon.contracts.component import Kind

_TRIES = 6
_LONGEST_WAIT = 90.0
"""Seconds; longer than a minute's budget of requests takes to come back."""
_AGAIN = frozenset({429, 502, 503, 504})
_CODES = {
    400: "bad_request", 401: "unauthorised", 403: "forbidden", 404: "not_found", 409: "conflict",
    413: "too_large", 422: "invalid", 429: "rate_limited",
}  # fmt: skip
_BAD = 400
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Needed:
    """An active version, and whether the store knows what is here."""

    path: str
    sha256: str
    local_known: bool


class Remote:
    """Raises what the store refuses with, and Unavailable when it does not answer."""

    def __init__(self, url: str, key: str, *, first_wait: float = 0.5) -> None:
        self._first_wait = first_wait
        self._http = httpx.Client(
            base_url=f"{url.rstrip('/')}/api/components",
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=60.0,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._http.close()

    def wanted(self, manifest: str | None, given: Sequence[str]) -> dict[str, str]:
        """sha256 by path: of an experiment, then of `path=sha256` for each given. Raises BadRequest."""
        wanted = self.manifest(manifest) if manifest else {}
        for each in given:
            path, _, sha256 = each.partition("=")
            if not _SHA256.fullmatch(sha256):
                raise BadRequest(f"{each[:200]!r} is not PATH=SHA256", {"component": "not PATH=SHA256"})
            wanted[placed(path).path] = sha256
        return wanted

    def paths(self) -> list[str]:
        """Of every component that has an active version, in order."""
        return [each["path"] for each in self._data("GET", "/versions") if each["active_sha256"]]

    def plan(self, required: Sequence[str], local: dict[str, str]) -> list[Needed]:
        """What is active of these."""
        found = self._data("POST", "/sync", {"required_components": list(required), "local_hashes": local})
        return [Needed(each["path"], each["sha256"], each["local_known"]) for each in found["needed"]]

    def fetch(self, path: str, sha256: str) -> bytes:
        """A version's content. Raises Invalid when it is not what its hash says."""
        found = self._data("GET", f"/versions/hash/{sha256}?path={quote(path)}")
        coded = found.get("content_base64")
        data = base64.b64decode(coded) if coded is not None else (found["content"] or "").encode()
        if digest(data).sha256 != sha256:
            raise Invalid(f"{path}: what came is not the content {sha256}")
        return data

    def upload(self, path: str, data: bytes, why: str) -> bool:
        """Keep and activate; whether it is new."""
        content = (
            {"content_base64": base64.b64encode(data).decode()}
            if placed(path).kind is Kind.MODEL_HEAD
            else {"content": _text(path, data)}
        )
        return self._data("POST", "/versions/upload", {"path": path, "why": why, **content})["is_new"]

    def activate(self, hash_: str, path: str | None, why: str) -> str:
        """The path that has it now."""
        wish = {"hash": hash_, "path": path, "why": why, "restore_local": False}
        return self._data("POST", "/versions/activate", wish)["path"]

    def manifest(self, uid: str) -> dict[str, str]:
        """sha256 by path of an experiment's components."""
        files = self._data("GET", f"/manifest/{quote(uid, safe='')}")["files"]
        return {file["component"]: file["sha256"] for file in files}

    def save_manifest(self, uid: str, components: dict[str, str]) -> None:
        self._data("POST", f"/manifest/{quote(uid, safe='')}", components)

    def _data(self, method: str, path: str, body: Any = None) -> Any:
        wait = self._first_wait
        for _ in range(_TRIES):
            answer = self._answer(method, path, body)
            if answer is not None and answer.status_code not in _AGAIN:
                break
            told = answer.headers.get("retry-after", "") if answer is not None else ""
            time.sleep(min(float(told), _LONGEST_WAIT) if told.isdecimal() else wait)
            wait *= 2
        else:
            raise Unavailable(f"the store at {self._http.base_url} does not answer, or is too busy")
        if answer.status_code >= _BAD:
            raise _refused(answer)
        return answer.json()["data"]

    def _answer(self, method: str, path: str, body: Any) -> httpx.Response | None:
        try:
            return self._http.request(method, path, json=body)
        except httpx.TransportError:
            return None


def _text(path: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Invalid(f"{path}: this is not UTF-8 text (byte {error.start})") from None


def _refused(answer: httpx.Response) -> Refused:
    try:
        told = answer.json()["detail"]["detail"]
    except (ValueError, KeyError, TypeError):
        told = f"status {answer.status_code}"
    code = _CODES.get(answer.status_code, "refused")
    return raised(Problem(code=code, status=answer.status_code, message=str(told)))
