"""What a command writes is there whole or not at all, and what was there before stays until then."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from pipeline.errors import Misuse

BUFFER_BYTES = 1024 * 1024


@contextmanager
def whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write and to read again, which is `path` once the block ends without an exception. Raises Misuse.

    A pipe or a terminal cannot be read again, and gets everything at the end.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as end, TemporaryFile() as kept:
            yield kept
            kept.seek(0)
            shutil.copyfileobj(kept, end)
        return
    target = path.resolve()  # what a link leads to is replaced, and not the link
    unfinished = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    try:
        file = unfinished.open("w+b", buffering=BUFFER_BYTES)
    except OSError as exc:
        raise Misuse(f"{path}: {exc.strerror or exc}") from None
    try:
        with file:
            yield file
        if target.exists():
            shutil.copymode(target, unfinished)
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
