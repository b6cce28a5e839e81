"""The incident in which each event ended up: whatever was merged later is followed to the one that goes on."""

import re
from collections.abc import Iterable
from typing import BinaryIO

from schemas import Incident

_ID = re.compile(rb'"incident_id":"(inc1:[0-9a-f]{20})"')
_AT_ONCE = 1 << 20  # bytes


class Merged:
    """Which incident goes on for which."""

    def __init__(self) -> None:
        self._into: dict[bytes, bytes] = {}

    def hear(self, incidents: Iterable[Incident]) -> None:
        """Incidents were told, in order."""
        for incident in incidents:
            if incident.merged_into is not None:
                self._into[incident.incident_id.encode()] = incident.merged_into.encode()

    def follow(self, decisions: BinaryIO) -> None:
        """Let each line name the incident that goes on, in place: all ids are equally long. The file can be read."""
        if not self._into:
            return
        decisions.seek(0)
        while True:
            at, lines = decisions.tell(), decisions.readlines(_AT_ONCE)
            if not lines:
                return
            before = b"".join(lines)
            after = _ID.sub(lambda found: b'"incident_id":"' + self._final(found[1]) + b'"', before)
            if after != before:
                decisions.seek(at)
                decisions.write(after)

    def _final(self, incident_id: bytes) -> bytes:
        while (into := self._into.get(incident_id)) is not None:
            incident_id = into
        return incident_id
