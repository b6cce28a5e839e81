"""A column holds one number for every offset of a partition: a few bytes each, where a set would take a hundred."""

from array import array
from collections.abc import Iterator
from typing import Literal

ROWS = 4096  # of a page; a log that begins at ten million has none for what is gone


class Column:
    """Numbers by offset, 0 where nothing was written. `kind`: `i` takes 4 bytes a number, `Q` 8 and has no sign."""

    def __init__(self, kind: Literal["i", "Q"]) -> None:
        self._kind = kind
        self._pages: dict[int, array[int]] = {}

    def __getitem__(self, offset: int) -> int:
        page = self._pages.get(offset // ROWS)
        return 0 if page is None else page[offset % ROWS]

    def __setitem__(self, offset: int, number: int) -> None:
        page = self._pages.get(offset // ROWS)
        if page is None:
            if not number:
                return
            page = self._pages[offset // ROWS] = array(self._kind, bytes(ROWS * array(self._kind).itemsize))
        page[offset % ROWS] = number

    def take(self, offset: int) -> int:
        """The number, which is 0 from now on."""
        number = self[offset]
        self[offset] = 0
        return number

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Every (offset, number) that is not 0, in order."""
        for start in sorted(self._pages):
            for row, number in enumerate(self._pages[start]):
                if number:
                    yield start * ROWS + row, number
