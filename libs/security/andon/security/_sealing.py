"""Keeps secrets at rest under a secret of the operator's: AES-256-GCM, its key by scrypt."""

import secrets
from base64 import b64decode, b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

_MARK = "sealed.v1"
_SALT_BYTES, _NONCE_BYTES = 16, 12


class Sealer:
    """Seals and opens texts. A sealed text is bound to what it is about, so that two can't be exchanged."""

    def __init__(self, secret: str) -> None:
        """`secret` is a passphrase or, better, 32 random bytes as text."""
        self._secret = secret

    def seal(self, text: str, about: str) -> str:
        """Takes about 50 ms, as opening does for each salt met the first time."""
        salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
        sealed = AESGCM(_key(self._secret, salt)).encrypt(nonce, text.encode(), about.encode())
        return ".".join((_MARK, *(b64encode(part).decode() for part in (salt, nonce, sealed))))

    def open(self, sealed: str, about: str) -> str:
        """Raises ValueError when it was sealed with another secret, about something else, or was changed."""
        try:
            mark, version, *parts = sealed.split(".")
            salt, nonce, content = (b64decode(part, validate=True) for part in parts)
            if f"{mark}.{version}" != _MARK:
                raise ValueError("not sealed in a way that is known")  # noqa: TRY301 - one answer for all of it
            return AESGCM(_key(self._secret, salt)).decrypt(nonce, content, about.encode()).decode()
        except (InvalidTag, ValueError) as error:
            raise ValueError("it can't be opened: sealed with another secret, or changed") from error


def is_sealed(text: str) -> bool:
    return text.startswith(f"{_MARK}.")


@lru_cache(maxsize=64)
def _key(secret: str, salt: bytes) -> bytes:
    # 16 MiB and about 50 ms a guess: a passphrase may be weaker than what is stored under it.
    return Scrypt(salt=salt, length=32, n=2**14, r=8, p=1).derive(secret.encode())
