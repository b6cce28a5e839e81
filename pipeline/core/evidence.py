"""What is known of all alerts of an incident: kept as each joins, in bounded memory, at the same small cost."""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from pipeline.core.burst import Burst, join, merge
from pipeline.core.columns import FOREVER_MS
from pipeline.core.tally import Common, count_keys, merge_counts, merged_counts, uncount_key
from schemas import Alert, Reason
from schemas.record import fields_of

_NOT_WHERE = ("alertname", "severity")  # labels that say what and how bad
LONGEST = 200  # characters of a name or value that are kept
_MOST_LABELS = 64
_GRACE = 3  # strays that a label survives whatever their share: the second of 400 alerts may be a stranger
_FEW = 10  # one in so many may stray, and still the alerts have the label in common


@dataclass(slots=True)
class Suspect:
    """An alert that may be the cause."""

    code: int
    began_ms: int
    rank: int  # the worst severity that it claimed
    burst: int  # which of the bursts it began in
    name: str
    subject: str  # what it is about
    service: str | None = None  # which the topology knows
    template: str | None = None
    below: int = 0  # how many others depend on it
    above: int = 0  # how many it depends on
    led: int = 0  # how many others usually follow it
    led_by: int = 0


@dataclass(slots=True)
class Evidence:
    """What is known of the alerts of an incident that has, or had, more than one.

    `version` counts whatever changes in what is said of them, but for plain numbers of alerts.
    """

    alerts: int = 0
    suspects: list[Suspect] = field(default_factory=list)  # the likeliest first, as of when that was last asked
    hushed: dict[int, Reason] = field(default_factory=dict)  # of them, what nobody was to hear of while it fired
    bursts: list[Burst] = field(default_factory=list)
    late_ms: int = FOREVER_MS  # what begins later in the last, and is no worse than `mild`, is no suspect
    mild: int = -1
    first_ms: int | None = None  # when the first of them began
    next_ms: int | None = None  # and the one after it
    worst: int = -1  # the worst severity that any claimed
    worst_alerts: int = 0  # how many did
    mildest: int = 9
    services: Common | None = None  # None, as of most: no alert of it has such a direction
    templates: Common | None = None
    names: Common = field(default_factory=Common)
    top: str = ""  # the most common name
    labels: dict[str, str] = field(default_factory=dict)  # of the first alert, what nearly all share
    strays: dict[str, int] = field(default_factory=dict)  # by label, how many do not share it
    asked: int = 0  # how many alerts there were when the suspects were ranked
    version: int = 0

    def shared(self) -> dict[str, str]:
        """The labels that at least nine of ten have."""
        if not self.strays:
            return self.labels.copy()
        strays, most = self.strays.get, self.alerts // _FEW
        return {label: value for label, value in self.labels.items() if strays(label, 0) <= most}

    def hear(self, alert: Alert) -> None:
        """One more alert: its name, and which labels it shares."""
        fields = fields_of(alert)
        name, labels, counts = fields["name"][:LONGEST], fields["labels"], self.names.counts
        if name in counts:  # almost always
            counts[name] += 1
        else:
            count_keys(self.names, [name])
            counts = self.names.counts
        if name != self.top and counts.get(name, 0) > counts.get(self.top, 0):
            self.top = name
        self.alerts += 1
        if self.alerts == 1:
            self.labels = _kept(labels)
        elif self.strays or not self.labels.items() <= labels.items():  # what all share is soon little
            self._stray(labels)

    def date(self, began_ms: int) -> int:
        """One more of its alerts began then. Which of the bursts is its own."""
        burst = join(self.bursts, began_ms)
        if self.first_ms is None or began_ms < self.first_ms:
            self.first_ms, self.next_ms = began_ms, self.first_ms
            self.version += 1
        elif self.next_ms is None or began_ms < self.next_ms:
            self.next_ms = began_ms
            self.version += 1
        return burst

    def weigh(self, rank: int) -> None:
        """One of its alerts claims this severity, which it did not before."""
        if rank > self.worst:
            self.worst, self.worst_alerts = rank, 1
            self.version += 1
        elif rank == self.worst:
            self.worst_alerts += 1
            self.version += self.worst_alerts == 2
        if rank < self.mildest:
            self.mildest = rank
            self.version += 1

    def hush(self, code: int, quiet: Reason | None) -> None:
        """Note whether people asked not to hear of an alert that is alive; what is not to be heard of heads no page."""
        if self.hushed.get(code) == quiet:
            return
        if quiet is None:
            del self.hushed[code]
        elif any(suspect.code == code for suspect in self.suspects):
            self.hushed[code] = quiet
        else:
            return
        self.version += 1

    def reopen(self) -> None:
        """It had resolved: its cause is among what fires from now on."""
        self.suspects.clear()
        self.hushed.clear()
        self.bursts.clear()
        self.late_ms, self.mild = FOREVER_MS, -1
        self.first_ms = self.next_ms = None
        self.worst, self.worst_alerts, self.mildest = -1, 0, 9
        self.version += 1

    def absorb(self, other: "Evidence", elsewhere: Container[int] = ()) -> None:
        """The alerts of another incident are this one's now; of the suspects some have to go.

        Those `elsewhere`, by code, are no suspects here; one that is known here already is the same suspect still.
        """
        for label, value in self.labels.items():
            strays = other.strays.get(label, 0) if other.labels.get(label) == value else other.alerts
            if strays:
                self.strays[label] = self.strays.get(label, 0) + strays
        self.alerts += other.alerts
        self.drop_strays()
        merge_counts(self.names, other.names)
        self.services = merged_counts(self.services, other.services)
        self.templates = merged_counts(self.templates, other.templates)
        self.rank_names()
        self.bursts, (ours, theirs) = merge(self.bursts, other.bursts)
        for suspect in self.suspects:
            suspect.burst = ours[suspect.burst]
        for suspect in other.suspects:
            suspect.burst = theirs[suspect.burst]
        ranks = {suspect.code: suspect.rank for suspect in other.suspects}
        for suspect in self.suspects:
            suspect.rank = max(suspect.rank, ranks.pop(suspect.code, -1))
        for suspect in other.suspects:
            if suspect.code in elsewhere:
                continue
            self.hushed.pop(suspect.code, None)  # where it was in both, it fires, or fired last, in the other
            if suspect.code in other.hushed:
                self.hushed[suspect.code] = other.hushed[suspect.code]
            if suspect.code in ranks:
                self.suspects.append(suspect)
        times = [at for at in (self.first_ms, self.next_ms, other.first_ms, other.next_ms) if at is not None]
        self.first_ms, self.next_ms = (*sorted(times), None, None)[:2]
        if other.worst > self.worst:
            self.worst, self.worst_alerts = other.worst, other.worst_alerts
        elif other.worst == self.worst:
            self.worst_alerts += other.worst_alerts
        self.mildest = min(self.mildest, other.mildest)
        self.version += 1

    def uncount(self, alert: Alert) -> None:
        """One of the alerts that were absorbed is not among them, or was counted before."""
        self.alerts -= 1
        uncount_key(self.names, alert.name[:LONGEST])

    def rank_names(self) -> None:
        """Find the most common name anew."""
        counts = self.names.counts
        self.top = max(counts, key=lambda name: (counts[name], name), default=self.top)

    def _is_shared(self, label: str) -> bool:
        return _FEW * self.strays.get(label, 0) <= self.alerts

    def _stray(self, labels: Mapping[str, str]) -> None:
        """Count the labels that the newest alert does not share; what few share is forgotten."""
        strays, is_common = self.strays, self.alerts >= _FEW
        was = [label for label, number in strays.items() if _FEW * number < self.alerts] if is_common else []
        is_fresh = are_many = False
        for label, value in self.labels.items():
            if labels.get(label) != value:
                number = strays.get(label, 0) + 1
                strays[label] = number
                is_fresh = is_fresh or number == 1
                are_many = are_many or number > _GRACE
        if are_many:
            self.drop_strays()
        # Of few alerts a single one that strays is more than one in ten.
        if is_fresh or (is_common and was != list(filter(self._is_shared, strays))):
            self.version += 1

    def drop_strays(self) -> None:
        """Forget what few share."""
        for label in [label for label, strays in self.strays.items() if strays > _GRACE]:
            if not self._is_shared(label):
                del self.labels[label], self.strays[label]


def _kept(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of an alert that others may share."""
    some = [(label, value) for label, value in labels.items() if label not in _NOT_WHERE]
    return dict([(label, value) for label, value in some if len(label) + len(value) <= LONGEST][:_MOST_LABELS])
