"""Secrets of machines: how they are made, recognised and stored.

A secret is 256 random bits, so one round of SHA-256 is what is stored: there is nothing to guess from a
dictionary, which is what a slow hash such as Argon2 protects against, and a key is looked up with a request.
"""

import hashlib
import re
import secrets
from base64 import b64decode
from binascii import Error
from dataclasses import dataclass

KEY_PREFIX = "andon_"
"""So that a key is seen for what it is, by people and by scanners for leaked secrets."""
_ACCESS_PREFIX = "andon-"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_ACCESS = re.compile(rf"{_ACCESS_PREFIX}[0-9a-f]{{20}}")


def new_key() -> str:
    """`andon_` and 256 random bits as text."""
    return KEY_PREFIX + secrets.token_urlsafe(32)


def new_access_key() -> str:
    """The public half of a pair: 80 random bits, nothing secret."""
    return _ACCESS_PREFIX + secrets.token_hex(10)


def new_secret_key() -> str:
    """The secret half of a pair: 256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is stored of a secret of 256 random bits: SHA-256 in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


@dataclass(frozen=True)
class Credential:
    """A machine's credential as far as it must be known to look it up."""

    digest: str
    access_key: str | None = None


def credential_in(text: str) -> Credential | None:
    """The key, or the pair written `access:secret`, that a text is; None when it can't be one."""
    if text.startswith(KEY_PREFIX):
        return Credential(digest_of(text)) if _SECRET.fullmatch(text, len(KEY_PREFIX)) else None
    access, _, secret = text.partition(":")
    if _ACCESS.fullmatch(access) and _SECRET.fullmatch(secret):
        return Credential(digest_of(secret), access)
    return None


def basic_pair(encoded: str) -> str:
    """`access:secret` from the value of an `Authorization: Basic` header; empty when it is unreadable."""
    try:
        return b64decode(encoded, validate=True).decode()
    except (Error, UnicodeDecodeError):
        return ""
