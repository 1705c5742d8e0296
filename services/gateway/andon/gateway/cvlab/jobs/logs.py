"""What jobs wrote to their terminals, read at once or while it is written."""

import asyncio
import codecs
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket
from fastapi.responses import StreamingResponse

from andon.contracts import Message, NotFound, Unauthorised
from andon.contracts.queue import ENDED, Job, JobChanged, JobDeleted, JobProgressed
from andon.contracts.sync import FileChanged
from andon.gateway.context import Gateway, Here
from andon.gateway.cvlab.answer import Answer, answered
from andon.gateway.cvlab.jobs.finding import found
from andon.gateway.cvlab.jobs.output import Place, Stream, more, tail, whole
from andon.gateway.cvlab.jobs.views import ContentView, shown_status, uid_of
from andon.gateway.principal import MayView, bearer_of
from andon.gateway.realtime.connection import admitted, first_of, token_over
from andon.gateway.realtime.sockets import closed, left, send, telling

routes = APIRouter(prefix="/queue", tags=["helper queue"])

_SHOWN = 1 << 20
"""Bytes from the end of each stream in an answer that holds them as JSON; `log` gives everything."""
_LOOK_SECONDS = 5.0
"""After so long the stream is looked at though nothing was heard."""
_NORMAL = 1000
_LONGEST = 64 << 10
"""Bytes of a line without an end after which it is shown as it is."""
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The output."}
}

Which = Annotated[Stream, Query(description="Which of both.")]


@routes.get("/job/{job_id}/log", response_class=StreamingResponse, responses=_TEXT)
async def log(job_id: str, _who: MayView, here: Here, stream: Which = Stream.STDOUT) -> StreamingResponse:
    """All that a job wrote to standard output. 404 while there is nothing."""
    job = await found(here, job_id)
    pieces = whole(here, job, stream)
    try:
        first = await anext(pieces, b"")
    except NotFound:
        raise NotFound(f"Job {job_id} has written no log yet.") from None

    async def body() -> AsyncGenerator[bytes]:
        yield first
        async for piece in pieces:
            yield piece

    return StreamingResponse(body(), media_type="text/plain; charset=utf-8")


@routes.get("/job/{job_id}/logs")
@routes.get("/experiments/{job_id}/logs")
async def logs(job_id: str, _who: MayView, here: Here) -> Answer[ContentView]:
    """The end of standard output and of standard error, one after the other."""
    job = await found(here, job_id)
    parts: list[str] = []
    cut = False
    for stream in Stream:
        try:
            text, more_in_front = await tail(here, job, stream, _SHOWN)
        except NotFound:
            continue
        if text.strip():
            parts += [f"=== {stream.value.upper()} ===", text]
            cut = cut or more_in_front
    return answered(ContentView(content="\n".join(parts) or "No logs available yet.", truncated=cut))


@routes.get("/experiments/{job_id}/stderr")
async def stderr(job_id: str, _who: MayView, here: Here) -> Answer[ContentView]:
    """The end of standard error."""
    job = await found(here, job_id)
    try:
        text, cut = await tail(here, job, Stream.STDERR, _SHOWN)
    except NotFound:
        text, cut = "", False
    return answered(ContentView(content=text or "Nothing was written to standard error yet.", truncated=cut))


@routes.websocket("/job/{job_id}/ws/logs")
async def live_log(
    socket: WebSocket, job_id: str, here: Here, token: str = "", stream: Stream = Stream.STDOUT
) -> None:
    """Lines as text: those that are there, then those that come, until the job has ended."""
    async with telling(socket):
        token = bearer_of(socket) or token
        await admitted(here.door, token)
        try:
            job = await found(here, job_id)
        except NotFound:
            await socket.send_text(f"ERROR: Job not found: {job_id[:64]}")
            return await closed(socket, _NORMAL, "there is no such job")
        following = _Following(here, job, stream, socket)
        here.helper.reactions.append(following.heard)
        try:
            await first_of(following.run(), left(socket), token_over(here.door, token))
        finally:
            here.helper.reactions.remove(following.heard)
        if following.done:
            return await closed(socket, _NORMAL, "")
        raise Unauthorised("the session is over")


@dataclass(eq=False)
class _Following:
    """One client that looks at one stream of one job."""

    here: Gateway
    job: Job
    stream: Stream
    socket: WebSocket
    done: bool = False
    """Everything was told."""
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _place: Place = field(default_factory=Place)
    _rest: str = ""
    """A line that has not ended yet."""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("replace")
    )

    def heard(self, message: Message) -> None:
        """Reaction to everything that the helper's feed brings."""
        match message:
            case FileChanged(uid=uid) if uid in (uid_of(self.job), self.job.id):
                self._news.set()
            case JobChanged(id=job_id) | JobDeleted(id=job_id) | JobProgressed(id=job_id):
                if job_id == self.job.id:
                    self._news.set()

    async def run(self) -> None:
        await send(self.socket, f"--- CONNECTED TO LOG STREAM FOR JOB {uid_of(self.job)} ---")
        await send(self.socket, f"--- {await self._told()} ---")
        self.done = True

    async def _told(self) -> str:
        """Tell what comes until nothing can come any more, and why."""
        while True:
            self._news.clear()
            try:
                self.job = await found(self.here, self.job.id)
            except NotFound:
                return "JOB REMOVED FROM QUEUE"
            await self._drain()
            if self.job.status in ENDED:
                end = self._decoder.decode(b"", final=True)
                await self._lines(f"{end}\n" if end or self._rest else "")
                return f"JOB {shown_status(self.job).value.upper()}"
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def _drain(self) -> None:
        try:
            part = await more(self.here, self.job, self.stream, self._place)
            while part.data:
                if self._place.source not in ("", part.after.source):
                    rest = "\n" if self._rest else ""
                    await self._lines(f"{rest}--- LOG STARTED ANEW ---\n")
                self._place = part.after
                await self._lines(self._decoder.decode(part.data))
                part = await more(self.here, self.job, self.stream, self._place)
        except NotFound:
            return  # nothing was written yet

    async def _lines(self, text: str) -> None:
        *lines, self._rest = (self._rest + text).split("\n")
        if len(self._rest) > _LONGEST:
            lines, self._rest = [*lines, self._rest], ""
        for line in lines:
            await send(self.socket, line.rstrip("\r"))
