"""The likely cause of an incident: of its alerts the one that came first, stands upstream, leads the others, is worst.

| what speaks for an alert | points |
| --- | --- |
| how many began in the same burst | 2000 times their share: what began alone is hardly the cause of the others |
| how soon it began in its burst | 1000, as 60 s / (60 s + how much later than the first of it) |
| how early that burst is | 1500, as 5 min / (5 min + how much later than the first) |
| its severity, as the source claims it | 300 for each step above info |
| the others depend on it (topology) | 3000 times their share, less the share of those that it depends on |
| the others usually follow it (model) | 2000 times their share, less the share of those that it usually follows |

So of alerts that began together the worst is named, and of equals the first. It is weighed as each alert joins, against
a handful of suspects: that costs the same in an incident of three as of thirty thousand.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from pipeline.core.alerts import LiveAlerts
from pipeline.core.burst import CALM_MS, Burst, burst_of
from pipeline.core.clusters import UNLEARNED, Clusters, key_of
from pipeline.core.columns import FOREVER_MS
from pipeline.core.evidence import LONGEST, Evidence, Suspect
from pipeline.core.fingerprint import code_of
from pipeline.core.incidents import Open
from pipeline.core.live import ASKED_FOR, Live
from pipeline.core.subject import subject_of
from pipeline.core.tally import Common, count_keys, uncount_key
from pipeline.core.template import template_of
from schemas import Alert
from schemas.record import fields_of

MOST_SUSPECTS = 6
MOST_OF_LAST = 3  # of them, of the newest burst: the others are of those before it, until it has proved the larger
_CROWD = 2000
_SOON, _SOON_MS = 1000, 60_000  # usual rules look twice a minute and wait for one or two: a few seconds say little
_EARLY, _EARLY_MS = 1500, 300_000
_SEVERITY = 300  # critical and a minute later in its burst beats a warning
_UPSTREAM = 3000  # what the topology says is known; the rest is guessed
_LEADS = 2000
_FEW = 16  # alerts up to which directions are looked up whenever one joins; then whenever there are twice as many
_USUALLY = 0.5  # of `Clusters.leads`: three times in four
_LONGEST_DELAY_MS = 3_600_000  # what began longer before we heard of it says nothing of an incident of now


class Topology(Protocol):
    """What depends on what."""

    def service_of(self, labels: Mapping[str, str]) -> str | None:
        """Which of the things that it knows an alert with these labels is about."""

    def is_upstream(self, service: str, of: str) -> bool:
        """Whether `of` depends on `service`, itself or through others."""


class Directions(NamedTuple):
    """What says which of two alerts may have caused the other; neither is needed."""

    topology: Topology | None = None
    clusters: Clusters = UNLEARNED


NO_DIRECTIONS = Directions()


class Causes:
    """Keeps what is known of the causes of a scope's incidents."""

    def __init__(self, alerts: LiveAlerts, directions: Directions = NO_DIRECTIONS) -> None:
        self._alerts = alerts
        self._directions = directions
        self._is_directed = directions != NO_DIRECTIONS

    def joined(self, incident: Open, live: Live, alert: Alert) -> None:
        """A new alert is the incident's newest member. While it is the only one, nothing is kept: it is the cause."""
        began_ms = _began_ms(alert, live.first_at_ms)
        incident.began_ms = min(incident.began_ms, began_ms)
        evidence = incident.evidence
        if evidence is None:
            if len(incident.members) == 1:
                return
            evidence = incident.evidence = self.of_first(incident)
        self._hear(evidence, live.code, alert, began_ms)

    def of_first(self, incident: Open) -> Evidence:
        """What is known of an incident's first alert alone."""
        evidence = Evidence()
        [first] = self._alerts.glance(incident.members[:1])
        self._hear(evidence, incident.members[0], first.alert, _began_ms(first.alert, first.first_at_ms))
        # Nobody was paged for it, and where it is over nothing else remembers why.
        quiet = incident.quiet if incident.paged_rank is None and not incident.loud else first.quiet
        if quiet in ASKED_FOR:
            evidence.hush(incident.members[0], quiet)
        return evidence

    def worsened(self, live: Live, before: int) -> None:
        """An alert claims a severity that is worse than `before`."""
        evidence, rank = live.incident.evidence, live.severity.rank
        if evidence is None or rank <= before:
            return
        for suspect in evidence.suspects:
            if suspect.code == live.code:
                if rank > suspect.rank:
                    suspect.rank = rank
                    evidence.weigh(rank)
                    self._settle(evidence)
                return
        evidence.weigh(rank)
        began_ms = _began_ms(live.alert, live.first_at_ms)
        burst = min(burst_of(evidence.bursts, began_ms), len(evidence.bursts) - 1)
        self._accuse(evidence, live.alert, (live.code, began_ms, burst))

    def fires_again(self, live: Live, now_ms: int) -> None:
        """An alert fires again in an incident that was reopened: the cause is among those that do."""
        incident = live.incident
        began_ms = _began_ms(live.alert, now_ms)
        incident.began_ms = min(incident.began_ms, began_ms)
        evidence = incident.evidence
        if evidence is not None and all(suspect.code != live.code for suspect in evidence.suspects):
            self._suspect(evidence, live.code, live.alert, began_ms)

    def merged(
        self, into: Evidence, other: Evidence, elsewhere: Sequence[Live] = (), known: Sequence[Live] = ()
    ) -> None:
        """The alerts of another incident are members of this one now, but for those `elsewhere`; some were `known`."""
        into.absorb(other, {code_of(live.fingerprint) for live in elsewhere})
        for live in (*elsewhere, *known):
            into.uncount(live.alert)
            for key, common in zip(self._known_as(live.alert), (into.services, into.templates), strict=True):
                if common is not None:
                    uncount_key(common, key)
        into.drop_strays()
        into.rank_names()
        self._settle(into)

    def _hear(self, evidence: Evidence, code: int, alert: Alert, began_ms: int) -> None:
        evidence.hear(alert)
        is_more = self._is_directed and self._count(evidence, alert)
        if (
            began_ms >= evidence.late_ms
            and evidence.mildest <= fields_of(alert)["severity"].rank <= evidence.mild
            and began_ms <= (burst := evidence.bursts[-1]).last_ms + CALM_MS
            and not is_more
        ):  # almost always, in a crowd: no suspect, and nothing else is new
            burst.alerts += 1
            burst.last_ms = max(burst.last_ms, began_ms)
            alerts = evidence.alerts
            if not alerts & (alerts - 1) or (self._is_directed and alerts <= _FEW):  # shares have changed
                self._settle(evidence)
        else:
            self._suspect(evidence, code, alert, began_ms)

    def _suspect(self, evidence: Evidence, code: int, alert: Alert, began_ms: int) -> None:
        """One more alert began, which may be the cause."""
        burst = evidence.date(began_ms)
        evidence.weigh(fields_of(alert)["severity"].rank)
        self._accuse(evidence, alert, (code, began_ms, burst))

    def _accuse(self, evidence: Evidence, alert: Alert, begun: tuple[int, int, int]) -> None:
        """The alert may be the cause; another that hardly is makes room for it. `begun`: code, when, in which burst."""
        code, began_ms, burst = begun
        known_as = self._known_as(alert) if self._is_directed else (None, None)
        fields = fields_of(alert)
        rank, name, subject = fields["severity"].rank, fields["name"][:LONGEST], subject_of(fields["labels"])
        evidence.suspects.append(Suspect(code, began_ms, rank, burst, name, subject, *known_as))
        self._settle(evidence)

    def _known_as(self, alert: Alert) -> tuple[str | None, str | None]:
        """The service and the template by which the alert has directions."""
        topology, clusters = self._directions
        service = None if topology is None else topology.service_of(alert.labels)
        return service, None if clusters is UNLEARNED else template_of(alert)

    def _count(self, evidence: Evidence, alert: Alert) -> bool:
        """Count what has directions. Whether it is new in the incident: it may be the cause however late it is."""
        service, template = self._known_as(alert)
        evidence.services, is_new_service = _counted(evidence.services, service)
        evidence.templates, is_new_template = _counted(evidence.templates, template)
        return is_new_service or is_new_template

    def _settle(self, evidence: Evidence) -> None:
        """Set the likeliest suspect first. Of too many those stay; of the newest burst, while it may grow, some."""
        for suspect in evidence.suspects if self._is_directed else ():
            self._look_around(suspect, evidence)
        _rank(evidence)
        ranked = evidence.suspects
        last = len(evidence.bursts) - 1
        newest = [one for one in ranked if one.burst == last][:MOST_OF_LAST]
        if len(ranked) > MOST_OF_LAST:
            others = [one for one in ranked if one.burst != last][: MOST_SUSPECTS - len(newest)]
            stay = {one.code for one in (*newest, *others)}
            evidence.suspects = [one for one in ranked if one.code in stay]
            for code in [code for code in evidence.hushed if code not in stay]:
                del evidence.hushed[code]
        if len(newest) == MOST_OF_LAST:
            evidence.late_ms = max([one.began_ms for one in newest])
            evidence.mild = min([one.rank for one in newest])
        else:
            evidence.late_ms, evidence.mild = FOREVER_MS, -1
        evidence.asked = evidence.alerts
        evidence.version += 1

    def _look_around(self, suspect: Suspect, evidence: Evidence) -> None:
        """Count who depends on the suspect or usually follows it, and the reverse."""
        topology, clusters = self._directions
        suspect.below = suspect.above = suspect.led = suspect.led_by = 0
        if topology is not None and suspect.service is not None and evidence.services is not None:
            for service, alerts in evidence.services.counts.items():
                suspect.below += alerts * topology.is_upstream(suspect.service, service)
                suspect.above += alerts * topology.is_upstream(service, suspect.service)
        if suspect.template is not None and evidence.templates is not None:
            mine = clusters.number(key_of(suspect.template))
            for template, alerts in evidence.templates.counts.items():
                leads = clusters.leads(mine, clusters.number(key_of(template)))
                suspect.led += alerts * (leads > _USUALLY)
                suspect.led_by += alerts * (leads < -_USUALLY)


def _counted(common: Common | None, key: str | None) -> tuple[Common | None, bool]:
    """The same with one more of this key, and whether that is new; nothing, where an alert has none."""
    if key is None:
        return common, False
    common = Common() if common is None else common
    is_new = key not in common.counts
    count_keys(common, [key])
    return common, is_new


def _rank(evidence: Evidence) -> None:
    """Put its suspects in order, the likeliest first; of equals the one that began first."""
    suspects, bursts = evidence.suspects, evidence.bursts
    if len(suspects) <= 1:
        return
    if len(bursts) == 1:
        of_bursts = [_CROWD + _EARLY]
    else:
        began, first_ms = sum([burst.alerts for burst in bursts]), bursts[0].first_ms
        of_bursts = [
            _CROWD * burst.alerts // began + _EARLY * _EARLY_MS // (_EARLY_MS + burst.first_ms - first_ms)
            for burst in bursts
        ]
    suspects.sort(key=lambda one: (-of_bursts[one.burst] - _points(one, bursts, evidence), one.began_ms))


def _points(suspect: Suspect, bursts: Sequence[Burst], evidence: Evidence) -> int:
    """How much speaks for it beside its burst."""
    late_ms = suspect.began_ms - bursts[suspect.burst].first_ms
    found = _SOON * _SOON_MS // (_SOON_MS + late_ms if late_ms > 0 else _SOON_MS) + _SEVERITY * suspect.rank
    if suspect.service is None and suspect.template is None:
        return found
    others = max(evidence.alerts - 1, 1)
    return (
        found
        + _UPSTREAM * (suspect.below - suspect.above) // others
        + _LEADS * (suspect.led - suspect.led_by) // others
    )


def why(suspect: Suspect, evidence: Evidence) -> str:
    """What speaks for it, in words: `first, 40 s before the next; upstream of 12 of the others`."""
    first_ms, next_ms, began_ms = evidence.first_ms or 0, evidence.next_ms, suspect.began_ms
    if began_ms > first_ms:
        said = f"{lasting(began_ms - first_ms)} after the first"
    elif next_ms is None:
        said = "first"
    else:
        said = f"first, {lasting(next_ms - first_ms)} before the next" if next_ms > first_ms else "among the first"
    least = "" if evidence.asked <= _FEW else "at least "  # it is asked again when there are twice as many
    if suspect.below:
        said += f"; upstream of {least}{suspect.below} of the others"
    if suspect.led:
        said += f"; usually before {least}{suspect.led} of the others"
    if suspect.rank == evidence.worst > evidence.mildest:
        said += "; the most severe" if evidence.worst_alerts == 1 else "; among the most severe"
    return said


def lasting(span_ms: int) -> str:
    """A span of time as a person says it: `250 ms`, `40 s`, `3 min`, `2 h`; no finer than that."""
    for unit, unit_ms, least_ms in (("h", 3_600_000, 7_200_000), ("min", 60_000, 120_000), ("s", 1000, 1000)):
        if span_ms >= least_ms:
            return f"{span_ms // unit_ms} {unit}"
    return f"{span_ms} ms"


def _began_ms(alert: Alert, now_ms: int) -> int:
    """Since when what we hear of now holds, as far as that says anything of an incident of now."""
    starts_at_ms: int = fields_of(alert)["starts_at_ms"]
    return starts_at_ms if now_ms - _LONGEST_DELAY_MS <= starts_at_ms <= now_ms else now_ms
