"""A picture from an address that answers each request with one."""

import asyncio
from urllib.parse import unquote, urlsplit, urlunsplit

import httpx

from andon.contracts import Unavailable
from andon.serving import MAX_BYTES

_OK, _UNAUTHORISED = 200, 401


async def snapshot(url: str, seconds: float) -> bytes:
    """The bytes of one picture, at most 20 MB. Raises Unavailable, whose reason names no part of the address.

    A user and password in the address are used for digest or basic authentication. Redirects are not
    followed: the address that was checked is the one that is asked.
    """
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    bare = urlunsplit((parts.scheme, host, parts.path, parts.query, ""))
    try:
        async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=seconds, trust_env=False) as client:
            return await _fetched(client, bare, user)
    except TimeoutError:
        raise Unavailable(f"no picture within {seconds:g} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise Unavailable(f"it does not answer ({type(error).__name__})") from error


async def _fetched(client: httpx.AsyncClient, url: str, user: str) -> bytes:
    if not user:
        return await _read(client, url, None)
    name, _, password = (unquote(part) for part in user.partition(":"))
    try:
        return await _read(client, url, httpx.DigestAuth(name, password))
    except _Unauthorised:  # digest shows the password to nobody, and some cameras know only basic
        return await _read(client, url, httpx.BasicAuth(name, password))


async def _read(client: httpx.AsyncClient, url: str, auth: httpx.Auth | None) -> bytes:
    data = bytearray()
    request = client.build_request("GET", url, headers={"Accept": "image/*"})
    answer = await client.send(request, auth=auth, stream=True)
    try:
        if answer.status_code != _OK:
            error = _Unauthorised if answer.status_code == _UNAUTHORISED else Unavailable
            raise error(f"it answers with status {answer.status_code}")
        async for piece in answer.aiter_raw():
            data += piece
            if len(data) > MAX_BYTES:
                raise Unavailable(f"its picture is larger than {MAX_BYTES / 2**20:g} MB")
    finally:
        await answer.aclose()
    return bytes(data)


class _Unauthorised(Unavailable):
    """The camera wants another password, or another way of giving it."""
