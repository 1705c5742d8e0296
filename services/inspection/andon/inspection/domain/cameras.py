"""What a camera's address may be, and how it is shown without its secrets."""

import re
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit, urlunsplit

from andon.contracts import Invalid
from andon.contracts.camera import HttpSource, RtspSource, Source

HIDDEN = "***"
_SCHEMES = {"rtsp": ("rtsp", "rtsps", "http", "https"), "http": ("http", "https")}
_SECRET = re.compile(r"pass|pwd|secret|token|key|auth|sig|credential", re.IGNORECASE)


def checked(source: Source) -> Source:
    """The source as it is. Raises Invalid for an address that no camera of this kind has."""
    if isinstance(source, (RtspSource, HttpSource)):
        _split(source)
    return source


def shown(source: Source) -> Source:
    """The source without its password and whatever else its address keeps secret."""
    if not isinstance(source, (RtspSource, HttpSource)):
        return source
    return source.model_copy(update={"url": redacted(source.url)})


def with_address(source: Source, url: str) -> Source:
    """The source at an address, secrets included."""
    return source.model_copy(update={"url": url}) if isinstance(source, (RtspSource, HttpSource)) else source


def completed(wanted: Source, known: Source | None) -> Source:
    """With the known secrets, where a client sends back what it was shown."""
    return known if known is not None and wanted == shown(known) else wanted


def redacted(url: str) -> str:
    """An address with `***` in the place of a password or token."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    netloc = f"{name}{colon}{HIDDEN if colon else ''}{at}{host}"
    query = parts.query
    if any(_SECRET.search(name) for name, _ in parse_qsl(query, keep_blank_values=True)):
        pairs = parse_qsl(query, keep_blank_values=True)
        query = urlencode(
            [(name, HIDDEN if _SECRET.search(name) else value) for name, value in pairs], safe="*"
        )
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _split(source: RtspSource | HttpSource) -> SplitResult:
    schemes = _SCHEMES[source.kind]
    try:
        parts = urlsplit(source.url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _wrong("it is no address; write special characters of a password as %XX") from None
    if parts.scheme not in schemes:
        raise _wrong(f"it begins with {', '.join(f'{name}://' for name in schemes)}")
    if not host or re.search(r"[\s\x00-\x1f\x7f\\]", source.url):
        raise _wrong("it names no host, or has characters that no address has")
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise _wrong("write @, / and other special characters of a password as %XX")
    return parts


def _wrong(why: str) -> Invalid:
    return Invalid(f"source.url: {why}", {"source.url": why})
