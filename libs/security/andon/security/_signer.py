"""Signs access tokens: EdDSA over Ed25519."""

import hashlib
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from andon.contracts.auth import User

ALGORITHM = "EdDSA"
ISSUER = AUDIENCE = "andon"


def new_private_key() -> str:
    """A fresh Ed25519 key as unencrypted PKCS#8 PEM: whoever reads it can sign in as anyone."""
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class Signer:
    """One signing key. Its `kid` is the RFC 7638 thumbprint of the public half, so it never needs naming."""

    def __init__(
        self, private_key: str, *, lifetime: float = 1800, clock: Callable[[], float] = time.time
    ) -> None:
        """`private_key` is PEM, `lifetime` seconds. Raises ValueError unless it is an Ed25519 key."""
        key = load_pem_private_key(private_key.encode(), password=None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("not an Ed25519 key")  # noqa: TRY004 - it is the PEM text that is wrong
        self._key = key
        self._clock = clock
        self.lifetime = lifetime
        point = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self._public = {"crv": "Ed25519", "kty": "OKP", "x": _text(point)}
        self.kid = _text(hashlib.sha256(_canonical(self._public)).digest())

    def sign(self, user: User, session_id: str) -> str:
        """An access token for a session of this user, good from now for `lifetime` seconds."""
        now = int(self._clock())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": user.id,
            "sid": session_id,
            "jti": uuid4().hex,
            "username": user.username,
            "roles": [role.value for role in user.roles],
            "iat": now,
            "exp": now + int(self.lifetime),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers={"kid": self.kid})

    @property
    def public(self) -> dict[str, Any]:
        """The public half as a JWK."""
        return {**self._public, "kid": self.kid, "alg": ALGORITHM, "use": "sig"}


def _canonical(key: dict[str, str]) -> bytes:
    return json.dumps(key, sort_keys=True, separators=(",", ":")).encode()


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
