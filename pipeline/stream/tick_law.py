"""A tick at t is true only if all that had reached `alerts.raw` by t stands before it in `alerts`."""

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

# Ten minutes of samples; when normalise lags further behind, the oldest are thinned out, never the truth.
MAX_SAMPLES = 600


class Sample(NamedTuple):
    """How far `alerts.raw` reached at a time: `ends` maps each partition to the offset of its next record."""

    at_ms: int
    ends: Mapping[int, int]


class TickLaw:
    """Finds the newest time that may be told, from samples of the raw log's ends and from what is normalised.

    While normalise lags, time waits with it: if it ran ahead, a lease whose renewal still stands in the queue would
    expire.
    """

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()
        self._told_ms: int | None = None

    def sample(self, at_ms: int, ends: Mapping[int, int]) -> None:
        """Remember that at `at_ms` nothing beyond `ends` had arrived. `at_ms` must be read before `ends`."""
        if self._samples and at_ms <= self._samples[-1].at_ms:
            return  # the clock was set back; an older promise with later ends would only be weaker
        self._samples.append(Sample(at_ms, dict(ends)))
        if len(self._samples) > MAX_SAMPLES:
            # Every second one: a lag costs precision, not memory. The newest stays.
            self._samples = deque(reversed(list(self._samples)[::-2]))

    def tellable_ms(self, normalised: Mapping[int, int]) -> int | None:
        """The newest time up to which everything is normalised; `normalised` maps partitions to the next offset.

        Null until the first sample is covered. It never goes back.
        """
        while self._samples and _covers(normalised, self._samples[0].ends):
            self._told_ms = self._samples.popleft().at_ms
        return self._told_ms


def _covers(normalised: Mapping[int, int], ends: Mapping[int, int]) -> bool:
    return all(normalised.get(partition, 0) >= end for partition, end in ends.items())


def normalised_offsets(committed: Mapping[int, int | None], earliest: Mapping[int, int]) -> dict[int, int]:
    """Up to where each raw partition needs no more normalising.

    What retention has removed will never be normalised; without this, a partition of which nothing is left and nothing
    was ever committed would stop time for ever.
    """
    return {partition: max(committed.get(partition) or 0, first) for partition, first in earliest.items()}
