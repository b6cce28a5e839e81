"""What triage remembers of a scope, and nothing else: all of it goes into a snapshot."""

from dataclasses import dataclass, field

from pipeline.core.actionability.judged import Judged
from pipeline.core.actionability.spells import Spells
from pipeline.core.actionability.usual import Usual
from pipeline.core.correlation.correlation import Correlation
from pipeline.core.incidents import Open
from pipeline.core.storm import StormState


@dataclass(slots=True)
class ScopeState:
    """The state of one scope, but for its live alerts."""

    name: str
    watermark_ms: int | None = None
    incidents: dict[str, Open] = field(default_factory=dict)  # by incident id; those that may reopen are among them
    forgotten: dict[str, Open] = field(default_factory=dict)  # may not reopen, but remembered alerts still name them
    by_group: dict[str, str] = field(default_factory=dict)  # group key → the incident that takes its new alerts
    states: dict[str, bool] = field(default_factory=dict)  # sources that have said resolved: they will again
    # code → when it ended, though it was never seen firing, and when that was heard
    ended: dict[int, tuple[int, int]] = field(default_factory=dict)
    # code → start, latest end, how often that moved: of what looks like ends, but may be leases of a clock behind ours
    leases: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    storm: StormState = field(default_factory=StormState)
    correlation: Correlation = field(default_factory=Correlation)
    usual: Usual = field(default_factory=Usual)
    spells: Spells = field(default_factory=Spells)
    judged: Judged = field(default_factory=Judged)
    quiet_day: int = 0  # the last day on which an incident was kept quiet for its scores, since 1970
    quieted: int = 0  # and how many were on it
    storm_id: str | None = None
    overflow_id: str | None = None
