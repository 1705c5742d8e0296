"""Verifies access tokens with public keys alone."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jwt

from andon.contracts import Unauthorised
from andon.contracts.auth import Role
from andon.security._permissions import Principal
from andon.security._signer import ALGORITHM, AUDIENCE, ISSUER

_CLAIMS = ["iss", "aud", "sub", "sid", "jti", "username", "roles", "iat", "exp"]
_ROLES = frozenset(Role)


class Verifier:
    """Knows a JWKS and the sessions that ended early. A token seen before costs a lookup."""

    def __init__(
        self,
        jwks: Mapping[str, Any],
        *,
        leeway: float = 10,
        remembered: int = 4096,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`leeway` is how many seconds clocks may differ; `remembered` tokens are kept verified."""
        self._leeway = leeway
        self._remembered = remembered
        self._clock = clock
        self._verified: dict[str, tuple[Principal, float]] = {}
        self._ended: dict[str, None] = {}
        self._keys: dict[str, jwt.PyJWK] = {}
        self.learn(jwks)

    def learn(self, jwks: Mapping[str, Any]) -> None:
        """Trust these keys and no others from now on; ended sessions stay ended."""
        self._keys = {key["kid"]: jwt.PyJWK(key, ALGORITHM) for key in jwks["keys"]}
        self._verified.clear()

    def revoke(self, session_id: str) -> None:
        """Refuse a session's tokens from now on."""
        self._ended[session_id] = None
        while len(self._ended) > self._remembered * 16:
            del self._ended[next(iter(self._ended))]

    def verify(self, token: str) -> Principal:
        """Whose token it is. Raises Unauthorised."""
        principal, expires = self._verified.get(token) or self._checked(token)
        if expires + self._leeway <= self._clock():
            self._verified.pop(token, None)
            raise Unauthorised("the access token has expired")
        if principal.session_id in self._ended:
            raise Unauthorised("the session has ended")
        return principal

    def _checked(self, token: str) -> tuple[Principal, float]:
        try:
            key = self._keys[jwt.get_unverified_header(token)["kid"]]
        except KeyError as error:
            raise Unauthorised("the access token is signed with an unknown key") from error
        except jwt.InvalidTokenError as error:
            raise Unauthorised("the access token is not a token") from error
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                # Our own clock decides about times, so that it can be set.
                options={"require": _CLAIMS, "verify_exp": False, "verify_iat": False},
            )
        except jwt.InvalidTokenError as error:
            raise Unauthorised("the access token is not good") from error
        found = (_principal(claims), float(claims["exp"]))
        while len(self._verified) >= self._remembered:
            del self._verified[next(iter(self._verified))]
        self._verified[token] = found
        return found


def _principal(claims: Mapping[str, Any]) -> Principal:
    roles = tuple(Role(role) for role in claims["roles"] if role in _ROLES)
    return Principal(
        id=str(claims["sub"]), username=str(claims["username"]), roles=roles, session_id=str(claims["sid"])
    )
