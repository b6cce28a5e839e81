"""A tick: a record that only moves the watermark."""

from typing import Literal

from schemas.record import Record


class Tick(Record):
    """Everything that reached us before `at_ms` stands before this record in the log."""

    kind: Literal["tick"] = "tick"
    at_ms: int
