"""Where the alerts of a webhook stand in its bytes, found without reading what they say.

The kernel only proposes: whoever reads what stands in the spans, and what is left without them, as JSON knows whether
the whole is. Any bytes may be given; no access leaves them.
"""

import numpy as np
from numba import types
from numpy.typing import NDArray

from pipeline.core.jit import kernel, part

NONE = -1  # not one array of objects at the top, or not one that this kernel understands
DEEPEST = 100  # levels; far less than where JSON parsers stop, so that a part is as readable alone as in its place

_BODY = types.Bytes(types.uint8, 1, "C", readonly=True)
_SPANS = types.int64[:, ::1]

_ONE = np.uint64(1)
_QUOTE, _BACKSLASH, _COLON, _COMMA = ord('"'), ord("\\"), ord(":"), ord(",")
_OPEN_OBJECT, _OPEN_ARRAY, _CLOSE_ARRAY = ord("{"), ord("["), ord("]")
# The two brackets of a side differ in this bit alone, and no other character becomes one by it.
_EITHER, _OPENS, _CLOSES = 0x20, ord("{"), ord("}")
_SPACE, _TAB, _LINE_FEED, _RETURN = ord(" "), ord("\t"), ord("\n"), ord("\r")
_OTHER, _ALERTS, _ESCAPED = 0, 1, 2  # kinds of key


@kernel(_BODY, _SPANS)
def find_items(body: bytes, spans: NDArray[np.int64]) -> np.int64:
    """Write [start, end) of each item of the one top-level array `alerts` into `spans`; how many there are, or NONE.

    Each is an object, and between two of them stand one comma and white space.
    """
    # Unsigned, since numba looks whether an index that has a sign counts from the end.
    end = np.uint64(len(body))
    place = _past_space(body, np.uint64(0), end)
    if place == end or body[place] != _OPEN_OBJECT:
        return np.int64(NONE)
    found, depth = np.int64(NONE), 0
    while place < end:
        char = body[place]
        if char == _QUOTE:
            close = _string_end(body, place + _ONE, end)
            value = _past_colon(body, close, end) if depth == 1 else end
            if value < end:  # so this is a key
                kind = _kind_of_key(body, place + _ONE, close)
                if kind == _ESCAPED or (kind == _ALERTS and found != NONE):
                    return np.int64(NONE)
                if kind == _ALERTS:
                    found, value = _array(body, value, end, spans)
                    if found == NONE:
                        return found
                place = value
            else:
                place = close + _ONE
        else:
            if char | _EITHER == _OPENS:
                depth += 1
            elif char | _EITHER == _CLOSES:
                depth -= 1
            place += _ONE
    return found


@part
def _array(body: bytes, place: np.uint64, end: np.uint64, spans: NDArray[np.int64]) -> tuple[np.int64, np.uint64]:
    """The array that starts at `place`: its items, and where it ends."""
    if body[place] != _OPEN_ARRAY:
        return np.int64(NONE), end
    for count in range(spans.shape[0]):
        place = _past_space(body, place + _ONE, end)
        if place == end or body[place] != _OPEN_OBJECT:
            return np.int64(NONE), end
        spans[count, 0] = np.int64(place)
        place = _object_end(body, place, end)
        spans[count, 1] = np.int64(place)
        place = _past_space(body, place, end)
        if place == end:
            return np.int64(NONE), end
        if body[place] == _CLOSE_ARRAY:
            return np.int64(count + 1), place + _ONE
        if body[place] != _COMMA:
            return np.int64(NONE), end
    return np.int64(NONE), end


@part
def _object_end(body: bytes, place: np.uint64, end: np.uint64) -> np.uint64:
    """Behind the bracket that closes the one at `place`; `end` if there is none, or one too deep."""
    depth = 0
    while place < end:
        char = body[place]
        if char == _QUOTE:
            place = _string_end(body, place + _ONE, end)
        elif char | _EITHER == _OPENS:
            depth += 1
            if depth > DEEPEST:
                return end
        elif char | _EITHER == _CLOSES:
            depth -= 1
            if depth == 0:
                return place + _ONE
        place += _ONE
    return end


@part
def _string_end(body: bytes, place: np.uint64, end: np.uint64) -> np.uint64:
    """The quote that closes the string whose first character is at `place`, or `end`."""
    while place < end:
        char = body[place]
        if char == _QUOTE:
            return place
        if char == _BACKSLASH:
            place += _ONE
        place += _ONE
    return end


@part
def _past_space(body: bytes, place: np.uint64, end: np.uint64) -> np.uint64:
    while place < end:
        char = body[place]
        if char != _SPACE and char != _TAB and char != _LINE_FEED and char != _RETURN:  # noqa: PLR1714  # numba builds a set
            return place
        place += _ONE
    return end


@part
def _past_colon(body: bytes, quote: np.uint64, end: np.uint64) -> np.uint64:
    """Where the value starts if the string that closes at `quote` is a key, else `end`."""
    place = _past_space(body, min(quote + _ONE, end), end)
    if place == end or body[place] != _COLON:
        return end
    return _past_space(body, place + _ONE, end)


@part
def _kind_of_key(body: bytes, first: np.uint64, last: np.uint64) -> int:
    """Whether the key in [first, last) is `alerts`, or has an escape and so could be any."""
    place = first
    while place < last:
        if body[place] == _BACKSLASH:
            return _ESCAPED
        place += _ONE
    if last - first != np.uint64(6):
        return _OTHER
    for index, char in enumerate((97, 108, 101, 114, 116, 115)):
        if body[first + np.uint64(index)] != char:
            return _OTHER
    return _ALERTS
