"""What an incident that takes newcomers is like, and how long it waits for them."""

# What `Counter` counts with, on a plain dict: a loop takes longer.
from collections import _count_elements  # type: ignore[attr-defined]  # typeshed leaves it out
from collections.abc import KeysView
from dataclasses import dataclass, field

from pipeline.core.correlation.tuning import CAP, FLOOR, PRIOR_GAP, RHYTHM
from pipeline.core.incidents import Open


@dataclass(slots=True, eq=False)
class Profile:
    """An incident as newcomers are compared with it."""

    incident: Open
    number: int  # in order of opening
    unit_ms: int
    grew_at_ms: int  # when a new member last joined: repeats do not hold the door open for strangers
    is_everyday: bool = False  # begun, or begun again, by what keeps coming back: it takes nothing else
    members: dict[int, None] = field(default_factory=dict)  # codes, in order of joining
    counts: dict[int, int] = field(default_factory=dict)  # token → how many members have it; derived
    tokens: KeysView[int] = field(init=False)  # of `counts`, as they are now

    def __post_init__(self) -> None:
        """Look at the counts."""
        self.tokens = self.counts.keys()

    @property
    def patience_ms(self) -> float:
        """The silence that ends it: some of its own mean gaps, one imaginary gap first, within bounds."""
        incident, unit_ms = self.incident, self.unit_ms
        span_ms = incident.beat_ms - incident.opened_at_ms
        mean_ms = (PRIOR_GAP * unit_ms + span_ms) / incident.beats
        return min(CAP * unit_ms, max(FLOOR * unit_ms, RHYTHM * mean_ms))

    def add(self, code: int, tokens: tuple[int, ...]) -> None:
        """A new member joins."""
        self.members[code] = None
        _count_elements(self.counts, tokens)
