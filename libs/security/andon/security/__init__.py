"""Who someone is and what they may do: passwords, tokens, permissions."""

from andon.security._passwords import PasswordCost, hash_password, needs_rehash, verify_password
from andon.security._permissions import PERMISSIONS, Permission, Principal
from andon.security._signer import Signer, new_private_key
from andon.security._verifier import Verifier

__all__ = [
    "PERMISSIONS", "PasswordCost", "Permission", "Principal", "Signer", "Verifier",
    "hash_password", "needs_rehash", "new_private_key", "verify_password",
]  # fmt: skip
