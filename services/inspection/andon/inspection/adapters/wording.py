"""Language models over HTTP: whoever speaks OpenAI's chat completions or Anthropic's messages."""

import asyncio
from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel, ValidationError

from andon.contracts import Unavailable
from andon.contracts.config import Backend
from andon.telemetry import log

_log = log(__name__)
_MOST_BYTES = 1 << 20
_TOKENS = 400
_AT_ONCE = 4
_PUBLIC = {Backend.OPENAI: "https://api.openai.com/v1", Backend.ANTHROPIC: "https://api.anthropic.com"}
_ANTHROPIC_VERSION = "2023-06-01"


@dataclass(frozen=True)
class Model:
    """Which model is asked, and where."""

    backend: Backend
    name: str
    base_url: str
    """Empty means the backend's own public address."""
    api_key: str
    seconds: float
    """That an answer may take."""

    @property
    def url(self) -> str:
        """Where questions go."""
        base = (self.base_url or _PUBLIC[self.backend]).rstrip("/")
        return f"{base}/chat/completions" if self.backend is Backend.OPENAI else f"{base}/v1/messages"


@dataclass(frozen=True)
class Words:
    """What a model is asked to do."""

    system: str
    text: str
    jpeg: bytes | None = None


@dataclass(eq=False)
class LanguageModels:
    """Asks; believes nothing. One for the process."""

    proxy: str | None = None
    _client: httpx.AsyncClient | None = None
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))

    async def ask(self, model: Model, words: Words) -> str:
        """What the model says, on one line. Raises Unavailable when it is away, late or not understood."""
        if self._slots.locked():
            raise Unavailable("too many questions wait for the language model")
        async with self._slots:
            try:
                async with asyncio.timeout(model.seconds):
                    said = await self._post(model.url, _headers(model), _body(model, words))
                return " ".join(_reader(model.backend)(said).split())
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, ValidationError) as error:
                _log.warning(
                    "the language model gave no answer", backend=model.backend, reason=_reason(error)
                )
                raise Unavailable(f"the language model gave no answer: {_reason(error)}") from error

    async def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, url: str, headers: dict[str, str], body: dict[str, Any]) -> bytes:
        if self._client is None:
            # No redirects: they would carry the key to whoever is named.
            self._client = httpx.AsyncClient(proxy=self.proxy, follow_redirects=False, trust_env=False)
        async with self._client.stream("POST", url, headers=headers, json=body) as response:
            if response.status_code != httpx.codes.OK:
                raise httpx.HTTPError(f"status {response.status_code}")
            found = bytearray()
            async for chunk in response.aiter_bytes():
                found += chunk
                if len(found) > _MOST_BYTES:
                    raise httpx.HTTPError("its answer is too long")
            return bytes(found)


def _headers(model: Model) -> dict[str, str]:
    if model.backend is Backend.ANTHROPIC:
        return {"anthropic-version": _ANTHROPIC_VERSION} | (
            {"x-api-key": model.api_key} if model.api_key else {}
        )
    return {"Authorization": f"Bearer {model.api_key}"} if model.api_key else {}


def _body(model: Model, words: Words) -> dict[str, Any]:
    picture = b64encode(words.jpeg).decode() if words.jpeg else ""
    if model.backend is Backend.ANTHROPIC:
        source = {"type": "base64", "media_type": "image/jpeg", "data": picture}
        image = [{"type": "image", "source": source}] if picture else []
        content = [*image, {"type": "text", "text": words.text}]
        messages = [{"role": "user", "content": content}]
        return {"model": model.name, "max_tokens": _TOKENS, "system": words.system, "messages": messages}
    url = {"url": f"data:image/jpeg;base64,{picture}"}
    shown = [{"type": "image_url", "image_url": url}, {"type": "text", "text": words.text}]
    content = shown if picture else words.text
    system = {"role": "system", "content": words.system}
    return {"model": model.name, "messages": [system, {"role": "user", "content": content}], "stream": False}


class _Said(BaseModel):
    content: str


class _Choice(BaseModel):
    message: _Said


class _Completion(BaseModel):
    choices: list[_Choice]


class _Block(BaseModel):
    type: str
    text: str = ""


class _AnthropicMessage(BaseModel):
    content: list[_Block]


def _completion(data: bytes) -> str:
    choices = _Completion.model_validate_json(data).choices
    return choices[0].message.content if choices else ""


def _message(data: bytes) -> str:
    blocks = _AnthropicMessage.model_validate_json(data).content
    return "".join(block.text for block in blocks if block.type == "text")


def _reader(backend: Backend) -> Any:
    return _message if backend is Backend.ANTHROPIC else _completion


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, ValidationError):
        return "its answer is not of the protocol"
    return str(error)[:200] or type(error).__name__
