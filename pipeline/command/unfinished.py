"""What a command writes is there whole or not at all, and what was there before stays until then."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from pipeline.errors import Misuse

BUFFER_BYTES = 1024 * 1024
_NAMED = {"/dev/stdout": 1, "/dev/stderr": 2}


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write and to read again, which is `path` once the block ends without an exception. Raises Misuse.

    A pipe or a terminal cannot be read again, and gets everything at the end.
    """
    target = path.resolve()  # what a link leads to is replaced, and not the link
    if target.is_file() and not os.access(target, os.W_OK):
        raise Misuse(f"{path}: {os.strerror(errno.EACCES)}")
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    if is_stream(path):
        with _end(path) as end, TemporaryFile() as kept:
            yield kept
            _copy(kept, end)
        return
    if target.is_file() and not os.access(target.parent, os.W_OK):
        with TemporaryFile() as kept:
            yield kept
            with target.open("wb") as end:
                _copy(kept, end)
        return
    try:
        file = unfinished.open("x+b", buffering=BUFFER_BYTES)
    except OSError as exc:
        raise Misuse(f"{path}: {exc.strerror or exc}") from None
    try:
        with file:
            yield file
            file.flush()
            if target.exists():
                shutil.copymode(target, unfinished)
            try:
                unfinished.replace(target)
            except OSError:
                if not target.exists():
                    raise
                with target.open("wb") as end:  # a file that is mounted for itself can be written, not replaced
                    _copy(file, end)
    finally:
        unfinished.unlink(missing_ok=True)


def is_stream(path: Path) -> bool:
    """Whether what is written there goes on to somebody, as to a pipe, and is no file to be read later."""
    return _descriptor(path) is not None or (path.exists() and not path.is_file())


def _descriptor(path: Path) -> int | None:
    """Which of the open files of this process it names, as `/dev/stdout` does, wherever that leads."""
    if str(path) in _NAMED:
        return _NAMED[str(path)]
    found = re.fullmatch(r"/(?:dev|proc/self)/fd/(\d+)", str(path))
    return None if found is None else int(found[1])


@contextmanager
def _end(path: Path) -> Iterator[BinaryIO]:
    """Where everything goes in the end. An open file goes on where it is: what is printed later stands behind."""
    descriptor = _descriptor(path)
    if descriptor is not None:
        sys.stdout.flush()
    with path.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as end:
        yield end


def _copy(kept: BinaryIO, end: BinaryIO) -> None:
    kept.seek(0)
    shutil.copyfileobj(kept, end)
