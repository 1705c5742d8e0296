"""What is asked of a Triton server, and what its errors mean."""

import asyncio
import io
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import numpy as np
from numpy.typing import NDArray
from tritonclient.http import aio  # pyright: ignore[reportMissingTypeStubs]
from tritonclient.utils import InferenceServerException  # pyright: ignore[reportMissingTypeStubs]

from andon.contracts import Invalid, Unavailable
from andon.serving._predictor import GRID
from andon.serving.triton._repository import PREFIX

_http: Any = aio  # it brings no types
_Client: Any = aio.InferenceServerClient
_LOAD_SECONDS = 120.0
"""A backend may look for the quickest kernels while it loads."""


@dataclass(frozen=True)
class TritonServer:
    """Where the server is, and how patient to be with it."""

    url: str
    """Of its HTTP port, such as http://triton:8000."""
    seconds: float = 10.0
    """For one batch; what takes longer counts as an outage."""
    in_flight: int = 4
    """Batches asked for at once."""
    idle_hours: float = 12.0
    """A model of Andon's that nobody has asked for so long is unloaded by whoever loads the next one."""


class NotLoaded(Unavailable):
    """The server does not hold the model: it was started anew, or somebody unloaded it."""


class _Streaming(_Client):
    async def _post(self, request_uri: str, request_body: bytes | str, **rest: Any) -> Any:
        # As bytes, a megabyte is written to the socket in one go, and the event loop waits for it.
        body = request_body.encode() if isinstance(request_body, str) else request_body
        sent: Any = super()._post(request_uri, io.BytesIO(body), **rest)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        return await cast("Any", sent)


class TritonClient:
    """One model's connections to a server. Raises Unavailable whenever the server is away or says no."""

    def __init__(self, server: TritonServer) -> None:
        address = urlsplit(server.url)
        self.server = server
        self._client: Any = _Streaming(
            address.netloc + address.path.rstrip("/"),
            ssl=address.scheme == "https",
            conn_limit=server.in_flight + 1,
            conn_timeout=_LOAD_SECONDS,
        )

    async def greet(self) -> None:
        """Raises Unavailable where no Triton server answers."""
        with self._answers():
            about = await self._client.get_server_metadata()
        if not isinstance(about, dict) or "extensions" not in about:
            raise Unavailable(f"what answers at {self.server.url} is no Triton server")

    async def load(self, name: str, config: str | None, files: Mapping[str, bytes] | None) -> None:
        """Load from the repository, or what is given. Raises Invalid for what the server can't load."""
        try:
            with self._answers():
                await self._client.load_model(name, config=config, files=files)
        except _SaysNo as no:
            if no.words.startswith("load failed"):
                raise Invalid(f"Triton can't load the model: {no.words}") from no
            raise

    async def unload(self, name: str) -> None:
        with self._answers():
            await self._client.unload_model(name)

    async def ready(self, name: str) -> bool:
        with self._answers():
            return bool(await self._client.is_model_ready(name))

    async def device(self, name: str) -> str:
        """Such as CPU or GPU."""
        with self._answers():
            groups = (await self._client.get_model_config(name)).get("instance_group", [])
        return ",".join(sorted({str(each["kind"]).removeprefix("KIND_") for each in groups})) or "AUTO"

    async def last_asked(self) -> dict[str, float]:
        """Of each of Andon's models that is loaded: when, in seconds of the server's clock; 0 for never."""
        with self._answers():
            found = await self._client.get_inference_statistics()
        models = found.get("model_stats", [])
        return {m["name"]: m["last_inference"] / 1e3 for m in models if m["name"].startswith(PREFIX)}

    async def infer(self, name: str, images: NDArray[np.uint8]) -> tuple[NDArray[Any], NDArray[Any]]:
        """uint8 [n, 256, 256, 3] -> float32 [n] and [n, 32, 32]. Raises NotLoaded."""
        asked = _http.InferInput("image", list(images.shape), "UINT8")
        asked.set_data_from_numpy(images)
        wanted = [_http.InferRequestedOutput(each) for each in ("score", "heatmap")]
        try:
            with self._answers():
                async with asyncio.timeout(self.server.seconds):
                    answer = await self._client.infer(name, [asked], outputs=wanted)
                scores, heatmaps = answer.as_numpy("score"), answer.as_numpy("heatmap")
        except _SaysNo as no:
            if await self.ready(name):
                raise
            raise NotLoaded(str(no)) from no
        return self._checked(scores, (len(images),)), self._checked(heatmaps, (len(images), GRID, GRID))

    async def close(self) -> None:
        await self._client.close()

    def _checked(self, values: NDArray[Any] | None, shape: tuple[int, ...]) -> NDArray[Any]:
        if values is None or values.dtype != np.float32 or values.size != np.prod(shape):
            says = "nothing" if values is None else f"{values.dtype} {list(values.shape)}"
            raise Unavailable(f"Triton at {self.server.url} answers {says}, not float32 {list(shape)}")
        return values.reshape(shape)

    @contextmanager
    def _answers(self) -> Generator[None]:
        where = f"Triton at {self.server.url}"
        try:
            yield
        except InferenceServerException as error:
            raise _SaysNo(where, str(error.message()).strip()) from error
        except TimeoutError as error:
            raise Unavailable(f"{where} does not answer in time") from error
        except (aiohttp.ClientError, OSError) as error:
            raise Unavailable(f"{where} does not answer: {error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"what answers at {self.server.url} is no Triton server") from error


class _SaysNo(Unavailable):
    def __init__(self, where: str, words: str) -> None:
        self.words = words.splitlines()[0][:500] if words else "nothing"
        super().__init__(f"{where} says: {self.words}")


async def ping(server: TritonServer) -> None:
    """Raises Unavailable where no Triton server answers."""
    client = TritonClient(server)
    try:
        await client.greet()
    finally:
        await client.close()
