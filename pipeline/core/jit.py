"""How a kernel is compiled: once, for one signature, when `warm_up` says so, and never again while events wait."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit
from numba.extending import is_jitted

_Function = TypeVar("_Function", bound=Callable[..., Any])
_pending: list[tuple[Any, tuple[Any, ...]]] = []  # kernels that were imported and not compiled yet


def part(function: _Function) -> _Function:
    """Compile a part of kernels; LLVM inlines it."""
    compiled: _Function = njit(nogil=True, boundscheck=False)(function)
    return compiled


def kernel(*signature: Any) -> Callable[[_Function], _Function]:
    """Compile a kernel for arguments of these types."""

    def wrap(function: _Function) -> _Function:
        try:
            compiled = njit(nogil=True, boundscheck=False, cache=True)(function)
        except RuntimeError:  # numba finds no folder that it may write a cache to, as in a read-only container
            compiled = njit(nogil=True, boundscheck=False)(function)
        _pending.append((compiled, signature))
        typed: _Function = compiled
        return typed

    return wrap


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
