"""How whole files are cut: equal blocks, so that an edit in the middle sends the blocks it touched."""

from andon.contracts.sync import CHUNK_BYTES

SMALLEST = 64 * 1024
_WANTED = 4096
"""Blocks; bigger files get bigger blocks."""


def block_bytes(size: int) -> int:
    """The block size for a file of `size` bytes: a power of two from 64 KiB to 4 MiB."""
    block = SMALLEST
    while block < CHUNK_BYTES and size > block * _WANTED:
        block *= 2
    return block


def count(size: int, block: int) -> int:
    """How many blocks `size` bytes make."""
    return -(-size // block)


def extent(number: int, size: int, block: int) -> tuple[int, int]:
    """Offset and length of a block."""
    offset = number * block
    return offset, min(block, size - offset)


def runs(numbers: list[int], most: int) -> list[list[int]]:
    """Neighbours together, up to `most` of them: each run is sent as one piece."""
    found: list[list[int]] = []
    for number in sorted(numbers):
        if found and found[-1][-1] == number - 1 and len(found[-1]) < most:
            found[-1].append(number)
        else:
            found.append([number])
    return found
