"""Who someone is and what they may do: passwords, tokens, machines' keys, permissions."""

from andon.security._machine_keys import (
    KEY_PREFIX,
    Credential,
    basic_pair,
    credential_in,
    digest_of,
    new_access_key,
    new_key,
    new_secret_key,
)
from andon.security._passwords import PasswordCost, hash_password, needs_rehash, verify_password
from andon.security._permissions import PERMISSIONS, Permission, Principal, permissions_of
from andon.security._safe import Safe
from andon.security._sealing import Sealer, is_sealed
from andon.security._signer import Signer, new_private_key
from andon.security._verifier import Verifier

__all__ = [
    "KEY_PREFIX",
    "PERMISSIONS",
    "Credential",
    "PasswordCost",
    "Permission",
    "Principal",
    "Safe",
    "Sealer",
    "Signer",
    "Verifier",
    "basic_pair",
    "credential_in",
    "digest_of",
    "hash_password",
    "is_sealed",
    "needs_rehash",
    "new_access_key",
    "new_key",
    "new_private_key",
    "new_secret_key",
    "permissions_of",
    "verify_password",
]
