"""Reads one image out of a multipart request without ever holding more than it may be."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from fastapi import Request
from pydantic import BaseModel
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from andon.contracts import BadRequest, Invalid, TooLarge, UnsupportedMedia
from andon.gateway.domain import MEDIA_TYPES, sniff

FORM_ROOM = 64 * 1024
"""Bytes for boundaries, part headers and the text fields around the image."""


class UploadSettings(BaseModel):
    max_bytes: int = 20 * 1024 * 1024
    """Largest image; a larger one is refused while it is still coming in."""
    inline_bytes: int = 7_500_000
    """Up to here an image travels in its message; above, through the object store."""
    seconds: float = 60.0
    """How long a client may take to send it."""
    archive_bytes: int = 128 * 1024 * 1024
    """Largest archive of images for a batch job; it is held on disk, in the folder for temporary files."""
    archive_seconds: float = 600.0
    """How long a client may take to send one."""


@dataclass(frozen=True)
class Upload:
    """An image as it came, and the text fields beside it."""

    data: bytes
    media_type: str
    """By its bytes, not by what the sender calls it."""
    fields: dict[str, str]


async def read_upload(request: Request, settings: UploadSettings) -> Upload:
    """The form's `file` and text fields.

    Raises BadRequest (no form, no file), TooLarge, Invalid (empty), UnsupportedMedia.
    """
    form = await _form(request, settings)
    try:
        return _upload(form, await _content(form), settings)
    finally:
        await form.close()


async def _form(request: Request, settings: UploadSettings) -> FormData:
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise BadRequest("The request must be multipart/form-data with the image in the field 'file'.")
    most = settings.max_bytes + FORM_ROOM
    pieces = counted(request, most, _too_large(settings.max_bytes))
    return await read_form(request, pieces, settings.seconds, in_memory=most)  # no disk in a request's way


async def read_form(
    request: Request, pieces: AsyncGenerator[bytes, None], seconds: float, in_memory: int = 1024 * 1024
) -> FormData:
    """A form with one file, held on disk above so many bytes. Raises BadRequest and what `pieces` raise."""
    parser = MultiPartParser(
        request.headers, pieces, max_files=1, max_fields=16, max_part_size=FORM_ROOM // 4
    )
    parser.spool_max_size = in_memory
    try:
        async with asyncio.timeout(seconds):
            return await parser.parse()
    except TimeoutError:
        raise BadRequest(f"The upload took longer than {seconds:g} seconds.") from None
    except MultiPartException as error:
        raise BadRequest(f"The form can't be read: {error.message}") from None


async def counted(request: Request, most: int, too_large: TooLarge) -> AsyncGenerator[bytes, None]:
    """The body piece by piece, refused as soon as it is announced or seen to be more than so many bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise too_large
    seen = 0
    async for chunk in request.stream():
        seen += len(chunk)
        if seen > most:
            raise too_large
        yield chunk


async def _content(form: FormData) -> bytes:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise BadRequest("The field 'file' with the image is missing.")
    return await file.read()


def _upload(form: FormData, data: bytes, settings: UploadSettings) -> Upload:
    if not data:
        raise Invalid("The field 'file' is empty.")
    if len(data) > settings.max_bytes:
        raise _too_large(settings.max_bytes)
    media_type = sniff(data)
    if media_type is None:
        names = ", ".join(ending for ending in MEDIA_TYPES.values())
        raise UnsupportedMedia(f"The field 'file' is not an image of a type that is taken ({names}).")
    return Upload(data, media_type, {name: value for name, value in form.items() if isinstance(value, str)})


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The field 'file' is larger than {max_bytes / 2**20:g} MB.")
