"""Reads what describes a batch job: JSON, or a form with an archive that goes to disk while it comes in."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import uuid4

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictBool, ValidationError
from starlette.datastructures import UploadFile

from andon.contracts import BadRequest, Invalid, Refused, TooLarge, Unavailable
from andon.contracts.batch import Archive
from andon.gateway.uploads import FORM_ROOM, UploadSettings, counted, read_form
from andon.storage import Blobs
from andon.telemetry import log

_log = log("andon.gateway")
_JSON_BYTES = 64 * 1024
_FIELDS = ("name", "station_id", "file_pattern")


class JobBody(BaseModel):
    """What to judge."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=128)]
    input_dir: Annotated[
        str,
        Field(
            min_length=1,
            max_length=4096,
            validation_alias=AliasChoices("input_dir", "input_directory"),
            description="A folder of the server, under one that ANDON_BATCH__ROOTS names.",
        ),
    ]
    file_pattern: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            validation_alias=AliasChoices("file_pattern", "pattern"),
            description="For the files' names, in any case of letters.",
        ),
    ] = "*.jpg"
    recursive: Annotated[StrictBool, Field(description="Files of folders below as well.")] = False
    station_id: Annotated[str, Field(max_length=64)] = "default"


def is_form(request: Request) -> bool:
    """Whether the request is an upload."""
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def received(request: Request) -> JobBody:
    """The description in a JSON body. Raises BadRequest and TooLarge."""
    data = bytearray()
    async for piece in counted(request, _JSON_BYTES, _too_large(_JSON_BYTES)):
        data += piece
    try:
        return JobBody.model_validate_json(bytes(data))
    except ValidationError as error:
        raise RequestValidationError(error.errors()) from None


@asynccontextmanager
async def stored(
    request: Request,
    blobs: Blobs,
    settings: UploadSettings,
    folder: str = "batches",
    names: Sequence[str] = _FIELDS,
) -> AsyncIterator[tuple[Archive, dict[str, str]]]:
    """The form's archive, kept in the object store if the block ends well, and the text fields beside it.

    Raises BadRequest (no form, no file), Invalid (empty) and TooLarge.
    """
    most = settings.archive_bytes
    pieces = counted(request, most + FORM_ROOM, _too_large(most))
    form = await read_form(request, pieces, settings.archive_seconds)
    try:
        archive = await _keep(form.get("file") or form.get("archive"), blobs, folder)
        fields = {name: value for name in names if isinstance(value := form.get(name), str) and value}
    finally:
        await form.close()
    try:
        yield archive, fields
    except (Refused, asyncio.CancelledError):
        await _forget(archive, blobs)
        raise


async def _keep(file: UploadFile | str | None, blobs: Blobs, folder: str) -> Archive:
    if not isinstance(file, UploadFile):
        raise BadRequest("The field 'file' with the archive is missing.")
    if not file.size:
        raise Invalid("The field 'file' is empty.")
    archive = Archive(key=f"{folder}/{uuid4().hex}", name=_shown(file.filename), size=file.size)
    await file.seek(0)
    await blobs.put_file(archive.key, file.file, archive.size)
    return archive


async def _forget(archive: Archive, blobs: Blobs) -> None:
    try:
        await blobs.delete(archive.key)
    except Unavailable as away:  # what was wrong with the request matters more
        _log.warning("an uploaded archive stays behind", key=archive.key, reason=str(away))


def _shown(name: str | None) -> str:
    return "".join(letter for letter in name or "archive" if letter.isprintable())[-128:] or "archive"


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"What was sent is larger than {most / 2**20:g} MB.")
