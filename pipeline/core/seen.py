"""Which records of `alerts` were decided already: *normalise* writes again what it had not committed when it died."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas import Alerts
from schemas.record import fields_of


class Place(NamedTuple):
    """How far a partition of `alerts.raw` was seen: up to this offset, of which these (scope, part) were there."""

    raw_partition: int
    raw_offset: int
    parts: tuple[tuple[str, int], ...]


class Seen:
    """Remembers the highest raw offset of each raw partition, whatever the scope.

    That is enough since nothing arrives behind a failed send (FAUST.md): what is written again begins at or before
    that offset, and comes in the same order.
    """

    def __init__(self, known: Iterable[Place] = ()) -> None:
        self._offsets: dict[int, int] = {}
        self._parts: dict[int, dict[tuple[str, int], None]] = {}
        for place in known:
            self._offsets[place.raw_partition] = place.raw_offset
            self._parts[place.raw_partition] = dict.fromkeys(place.parts)

    def is_new(self, record: Alerts) -> bool:
        """Whether the record was not seen before; now it is."""
        fields = fields_of(record)
        partition, offset = fields["raw_partition"], fields["raw_offset"]
        highest = self._offsets.get(partition, -1)
        if offset < highest:
            return False
        part = (fields["scope"], fields["part"])
        if offset > highest:
            self._offsets[partition] = offset
            self._parts[partition] = {part: None}
            return True
        known = self._parts[partition]
        if part in known:
            return False
        known[part] = None
        return True

    def places(self) -> list[Place]:
        """How far each raw partition was seen, for a snapshot."""
        return [Place(one, self._offsets[one], tuple(self._parts[one])) for one in sorted(self._offsets)]
