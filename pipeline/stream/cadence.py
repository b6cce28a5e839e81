"""When a snapshot is due: often enough that a restart is quick, seldom enough that nobody notices.

After a restart the log is read from the last snapshot on, at some 50,000 records a second. EVERY_S at 2,000 records a
second, and RECORDS at any rate, are about a second of that or two. A snapshot of a million alerts takes far longer to
take, pack and send than one of a thousand, so it may use one part in COST_SHARE of a core and no more: what costs a
second of CPU is done every 20 s at most.
"""

from dataclasses import dataclass
from typing import NamedTuple

EVERY_S = 30.0
RECORDS = 100_000
COST_SHARE = 20


class Pace(NamedTuple):
    """After how long, or how many records if they come faster; and how many times its CPU seconds it waits."""

    every_s: float = EVERY_S
    records: int = RECORDS
    cost_share: int = COST_SHARE


@dataclass
class Cadence:
    """Of one partition: where and when its last snapshot was taken, and how long that took."""

    pace: Pace
    next_offset: int
    at_s: float
    cost_s: float = 0.0
    has_failed: bool = False

    def wait_s(self, next_offset: int, now_s: float) -> float | None:
        """How long until a snapshot is due, 0 if it is; None as long as there is nothing new to be kept."""
        if next_offset <= self.next_offset:
            return None
        rest_s = self.cost_s * self.pace.cost_share
        if self.has_failed or next_offset - self.next_offset < self.pace.records:
            rest_s = max(rest_s, self.pace.every_s)
        return max(0.0, self.at_s + rest_s - now_s)

    def tried(self, now_s: float, cost_s: float) -> None:
        """One could not be written: the next try waits, however much there is to be kept."""
        self.at_s, self.cost_s, self.has_failed = now_s, cost_s, True

    def done(self, next_offset: int, now_s: float, cost_s: float) -> None:
        """One was taken at `next_offset` and is durable."""
        self.next_offset, self.at_s, self.cost_s, self.has_failed = next_offset, now_s, cost_s, False
