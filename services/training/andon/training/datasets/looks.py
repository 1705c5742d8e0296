"""A hash of what an image looks like, of which few bits differ between near-duplicates."""

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 16
"""Squares of a side: 256 bits, finer than the usual 64, as parts before a fixed camera look much alike."""
NEAR = 20
"""Bits that may differ. Measured on real and made parts: 0 to 13 for the same image encoded again or
brightened by 5 %, to 28 with noise; 48 and more between most different parts."""

Bits = NDArray[np.uint64]


def look_of(pixels: NDArray[np.uint8]) -> str:
    """64 hex digits: where [h, w, 3] gets brighter from one square to the next on its right."""
    grey = cv2.resize(
        cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA
    )
    brighter = grey[:, 1:].astype(np.int16) > grey[:, :-1].astype(np.int16)
    return np.packbits(brighter).tobytes().hex()


def bits_of(looks: list[str]) -> Bits:
    """[n, 4]"""
    return np.frombuffer(bytes.fromhex("".join(looks)), np.uint64).reshape(len(looks), -1)


def clusters(bits: Bits, most: int) -> list[int]:
    """The number of each one's cluster: who differs from another in at most so many bits is in the same."""
    labels = np.full(len(bits), -1)
    left = np.arange(len(bits))
    number = 0
    while len(left):
        waiting, left = [int(left[0])], left[1:]
        labels[waiting[0]] = number
        while waiting and len(left):  # each is held against those left alone: never a list of all pairs
            one = waiting.pop()
            near = np.bitwise_count(bits[left] ^ bits[one]).sum(axis=1) <= most
            labels[left[near]] = number
            waiting += left[near].tolist()
            left = left[~near]
        number += 1
    return labels.tolist()
