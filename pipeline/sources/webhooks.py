"""Webhooks repeat themselves: nine of ten alerts are, byte for byte, one that was read before, and are not read again.

A body is cut into its alerts and what is left of it. Each part is known from earlier, or is read as strictly as a whole
body is. Where any part is not plainly good the body is not understood here, and has to be read whole: that reading
alone says what is wrong and where. A group that has not changed is sent again as the same bytes: then nothing is cut.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import numpy as np
import orjson

from pipeline.core.jit import warm_up
from pipeline.errors import Rejected
from pipeline.sources.alertmanager import read_item, truncated_in
from pipeline.sources.claim import Claim
from pipeline.sources.items import NONE, find_items
from pipeline.sources.recent import Recent

Made = TypeVar("Made")
Whole = TypeVar("Whole")

MOST_ITEMS = 4096  # in one body; Alertmanager sends a group at a time
# An estimate of what is remembered at most, twice of it while one generation follows the other: 18,000 to 36,000
# alerts of 900 bytes.
ITEM_BYTES = 80 * 1024 * 1024
FRAME_BYTES = 8 * 1024 * 1024
BODY_BYTES = 48 * 1024 * 1024
LONGEST_BODY = 64 * 1024  # that is remembered whole; the longer it is, the sooner something in it has changed


class Webhooks(Generic[Made, Whole]):
    """Reads Alertmanager's webhooks and remembers what `make` made of each alert, whose time is that of its change.

    And what `gather` made of each body: of what its alerts became, and of how many its source says it left out.
    """

    def __init__(self, make: Callable[[Claim], Made], gather: Callable[[list[Made], int], Whole]) -> None:
        warm_up()
        self._make = make
        self._gather = gather
        self._spans = np.empty((MOST_ITEMS, 2), np.int64)
        self._items: Recent[Made] = Recent(ITEM_BYTES)
        self._frames: Recent[int] = Recent(FRAME_BYTES)
        self._bodies: Recent[Whole] = Recent(BODY_BYTES)

    def hear(self, body: bytes) -> Whole | None:
        """What `alertmanager` would find in `body` as history, or None where that has to read it."""
        if len(body) > LONGEST_BODY:
            return self._heard(body)
        heard = self._bodies.get(body)
        if heard is None and (heard := self._heard(body)) is not None:
            self._bodies.put(body, heard)
        return heard

    def _heard(self, body: bytes) -> Whole | None:
        count = find_items(body, self._spans)
        if count == NONE:
            return None
        spans = self._spans[:count].tolist()
        truncated = self._truncated(body[: spans[0][0]] + b"0" + body[spans[-1][1] :])
        if truncated is None:
            return None
        known, made = self._items.get, []
        for start, end in spans:
            item = body[start:end]
            one = known(item)
            if one is None and (one := self._read(item)) is None:
                return None
            made.append(one)
        return self._gather(made, truncated)

    def _truncated(self, frame: bytes) -> int | None:
        """What the body says around its alerts, for which a 0 stands here."""
        truncated = self._frames.get(frame)
        if truncated is None and (message := _loaded(frame)) is not None and message.get("alerts") == [0]:
            truncated = truncated_in(message)
            self._frames.put(frame, truncated)
        return truncated

    def _read(self, item: bytes) -> Made | None:
        found = _loaded(item)
        if found is None:
            return None
        try:
            claim = read_item(found, "", None)
        except Rejected:
            return None
        if claim.starts_at_ms == claim.ends_at_ms:  # as where it names no start, and so starts whenever it is heard
            return None
        made = self._make(claim)
        self._items.put(item, made)
        return made


def _loaded(part: bytes) -> dict[str, Any] | None:
    try:
        found = orjson.loads(part)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None
