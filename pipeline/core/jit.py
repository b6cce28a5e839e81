"""How a kernel is compiled: once, for one signature, when `warm_up` says so, and never again while events wait.

numba keeps what it compiled for the next start, and knows it again by the file in which the kernel stands. Its
constants and parts may stand in others: what a version of pagesieve decides must not depend on the version that ran
before it. So they are in the kernel's name.
"""

import hashlib
from collections.abc import Callable, Iterator
from enum import Enum, EnumType
from typing import Any, TypeVar

import numpy as np
from numba import njit
from numba.extending import is_jitted

_Function = TypeVar("_Function", bound=Callable[..., Any])
_CONSTANT = (int, float, str, tuple, frozenset, type(None), Enum, np.generic, np.dtype)
_pending: list[tuple[Any, tuple[Any, ...]]] = []  # kernels that were imported and not compiled yet


def part(function: _Function) -> _Function:
    """Compile a part of kernels; LLVM inlines it."""
    compiled: _Function = njit(nogil=True, boundscheck=False)(function)
    return compiled


def kernel(*signature: Any) -> Callable[[_Function], _Function]:
    """Compile a kernel for arguments of these types."""

    def wrap(function: _Function) -> _Function:
        told = hashlib.blake2b("\n".join(_essence(function)).encode(), digest_size=8)
        function.__qualname__ += f"_{told.hexdigest()}"
        try:
            compiled = njit(nogil=True, boundscheck=False, cache=True)(function)
        except RuntimeError:  # numba finds no folder that it may write a cache to, as in a read-only container
            compiled = njit(nogil=True, boundscheck=False)(function)
        _pending.append((compiled, signature))
        typed: _Function = compiled
        return typed

    return wrap


def _essence(function: Any) -> Iterator[str]:
    """What a function and its parts do, and with which constants."""
    code, names = function.__code__, function.__globals__
    yield code.co_code.hex()
    yield from (repr(value) for value in code.co_consts if isinstance(value, _CONSTANT))
    for name in code.co_names:
        value = names.get(name)
        part_of = getattr(value, "py_func", value)  # itself with NUMBA_DISABLE_JIT
        if hasattr(part_of, "__code__"):
            yield from _essence(part_of)
        elif isinstance(value, EnumType):
            yield repr(list(value))
        elif isinstance(value, _CONSTANT):
            yield f"{name} {value!r}"


def warm_up() -> None:
    """Compile every imported kernel for its types, or load it from numba's cache; then refuse any other type.

    Otherwise a kernel that is first called with a small integer would be one for small integers. Twice costs nothing.
    """
    while _pending:
        compiled, signature = _pending.pop()
        if is_jitted(compiled):  # not with NUMBA_DISABLE_JIT
            try:
                compiled.compile(signature)
            except OSError:  # the disk is full: compiled it is, only the cache could not be written
                if not compiled.signatures:
                    raise
            compiled.disable_compile()
