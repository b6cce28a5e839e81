"""Keys that are hard for an index: small ones, huge ones, and those that were chosen to collide in it."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.core.kernels import tag_of

TOP = (1 << 64) - 1


def tags_of(keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The tags of many keys at once, in numpy."""
    plain: Any = getattr(tag_of, "py_func", tag_of)
    tags: NDArray[np.uint64] = plain(keys)
    return tags


def same_tag() -> list[int]:
    """Different keys that share all 32 bits of their tag with another: only the row tells them apart."""
    keys = np.arange(1 << 20, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    tags = tags_of(keys)
    order = np.argsort(tags)
    twins = np.flatnonzero(np.diff(tags[order]) == 0)
    return [int(key) for place in twins[:100] for key in keys[order[place : place + 2]]]


def last_homes() -> list[int]:
    """Keys that all belong to the last slots of an index of up to 2^12 slots, so that they wrap around."""
    keys = np.arange(1 << 20, dtype=np.uint64)
    return [int(key) for key in keys[tags_of(keys) % np.uint64(1 << 12) >= np.uint64((1 << 12) - 2)]]


FAMILIES = {
    "small": list(range(400)),
    "top": [TOP - n for n in range(400)],
    "same low half": [n << 32 for n in range(400)],
    "same low bits": [n << 56 | 1 for n in range(256)],
    "strided": [n * 4096 for n in range(400)],
    "same tag": same_tag(),
    "last homes": last_homes()[:400],
}
ASKED = [key for family in FAMILIES.values() for key in family[::5]]
