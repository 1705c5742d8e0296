"""What is the most at once, and how names and hashes are written."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

MEBIBYTE = 1 << 20
CHUNK_BYTES = 4 * MEBIBYTE
"""The most one chunk or pack of small files has on its way; also the most that a pack has unpacked."""
RUN_BYTES = 8 * MEBIBYTE
"""The most one chunk carries, unpacked."""
BLOCKS = 16_384
"""The most blocks one whole file may be cut into."""
PATHS = 1000
"""The most files one question may name."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Xxh3 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
"""XXH3-64 in hex: quick, and enough against accidents on the way; identity is sha256."""
Path = Annotated[str, Field(min_length=1, max_length=1024)]
"""Relative to the experiment, parts separated by `/`, Unicode in NFC."""
Quoted = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[\x21-\x7e]+$")]
"""A path as it stands in a URL: it travels as a header."""
Writer = Annotated[str, Field(min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""Who writes; one at a time may write one file."""


class Encoding(StrEnum):
    IDENTITY = "identity"
    ZSTD = "zstd"


class SyncStatus(StrEnum):
    PENDING = "pending"
    """Known, and nothing has come yet."""
    SYNCING = "syncing"
    SYNCED = "synced"
    """At the last final sync, all was as the worker has it."""
    FAILED = "failed"
    """What was kept could not be read back; it will be tried again."""
    OUTDATED = "outdated"
    """The worker has more than came."""
