"""The arrays of a model: one dimension each, of the types that their names promise, and named by what they hold."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def version_of(kind: str, arrays: dict[str, NDArray[Any]]) -> str:
    """`kind` and a hash of the content: equal models have equal names, whenever and from whichever files."""
    hashed = hashlib.blake2b(digest_size=6)
    for name, array in arrays.items():
        hashed.update(f"{name}:{array.dtype.str}:{array.shape}:".encode())
        hashed.update(np.ascontiguousarray(array).tobytes())
    return f"{kind}:{hashed.hexdigest()}"


def check_types(arrays: dict[str, NDArray[Any]], types: Sequence[str]) -> None:
    """Raises ValueError, naming the array that is not what it must be: a file may come from anywhere."""
    for (name, array), expected in zip(arrays.items(), types, strict=True):
        if array.dtype.str != expected or array.ndim != 1:
            raise ValueError(f"{name}: {array.ndim} dimensions of {array.dtype.str}, not one of {expected}")


def are_within(numbers: NDArray[np.signedinteger], least: int, most: int) -> bool:
    """Whether none of `numbers` is less or more."""
    return bool(((numbers >= least) & (numbers <= most)).all())
