"""Long stories, judged from outside by what was sent alone: whatever fires unsilenced is in an open incident, paged."""

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.facets import facets
from pipeline.core.matcher import all_match, parse_matchers
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alert, Alerts, Control, Incident, IncidentState, Outcome, PageKind, Silence, Status, Tick, Verdict
from tests.scene import alert, at, ms

STEPS = 150
LEAPS_S = (0, 0.2, 1, 5, 20, 60, 61, 200, 700, 3600, 5000)
EXPIRES_S = 86_000  # a little before a state that nobody repeats is over
END = Tick(at_ms=10**14)


class Story:
    """A triage, what it said so far, and what an SRE knows who saw the same alerts come in."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._policy = Policy.model_validate(_rules(chance))
        self._triage = Triage(self._policy)
        self._now = 0.0
        self._firing: dict[str, tuple[Alert, float]] = {}  # by fingerprint: what fires, and when it was heard of last
        self._where: dict[str, str] = {}
        self._silences: dict[str, Silence] = {}
        self.incidents: dict[str, Incident] = {}
        self.paged: dict[str, PageKind] = {}  # by incident, the last page

    def go_on(self) -> None:
        """One more thing happens."""
        self._now += self._chance.choice(LEAPS_S)
        what = self._chance.random()
        if what < 0.06:
            self.hear(self._triage.step([self._silence()]))
        elif what < 0.1 and self.incidents:
            self.hear(self._triage.step([self._outcome()]))
        elif what < 0.16:
            self._triage = Triage.restore(None, self._triage.snapshot())
            self.hear(self._triage.step([Tick(at_ms=ms(self._now))]))
        else:
            self._alerts()

    def end(self) -> None:
        """All that is due happens."""
        self.hear(self._triage.step([END]))

    def hear(self, facts: Facts) -> None:
        """Keep what was said. A page follows the one before it as a person expects."""
        self.incidents |= {incident.incident_id: incident for incident in facts.incidents}
        for page in facts.pages:
            kind, before = page.payload.custom_details.kind, self.paged.get(page.dedup_key, PageKind.RESOLVE)
            assert (kind is PageKind.TRIGGER) == (before is PageKind.RESOLVE)
            self.paged[page.dedup_key] = kind
        for decision in [one for record in facts.decisions for one in record.decisions]:
            assert decision.reason != "fault"
            if decision.incident_id is not None:
                self._where[decision.fingerprint] = decision.incident_id

    def judge(self) -> None:
        """Whatever fires is in an incident that is open, and paged unless somebody silenced it."""
        for code, (said, heard_at) in self._firing.items():
            if self._now - heard_at > EXPIRES_S:
                continue
            incident = self.incidents[self._where[code]]
            while incident.merged_into is not None:
                incident = self.incidents[incident.merged_into]
            assert incident.state in {IncidentState.OPEN, IncidentState.ACKNOWLEDGED}
            if not self._is_silenced(said):
                assert incident.is_paged
                assert self.paged[incident.incident_id] is not PageKind.RESOLVE

    def _alerts(self) -> None:
        chance, told = self._chance, []
        for _ in range(chance.choice((1, 1, 2, 4))):
            name, cluster, host = (
                chance.choice(("disk", "cpu", "net")),
                chance.choice(("eu", "us")),
                chance.randrange(6),
            )
            status = chance.choice(("firing", "firing", "resolved"))
            told.append(alert(name, status=status, cluster=cluster, host=f"h{host}"))
        records = at(self._now, *told, policy=self._policy)
        self.hear(self._triage.step(records))
        for said in [one for record in records if isinstance(record, Alerts) for one in record.alerts]:
            self._firing.pop(said.fingerprint, None)
            if said.status is Status.FIRING:
                self._firing[said.fingerprint] = said, self._now

    def _silence(self) -> Control:
        chance, now = self._chance, self._now
        said = Silence(
            id=chance.choice(("s1", "s2", "s3")),
            matchers=chance.choice((('cluster="eu"',), ('alertname="disk"',), ('host=~"h[01]"',))),
            starts_at_ms=ms(now + chance.choice((0, 0, 300, 900))),
            ends_at_ms=ms(now + chance.choice((0, 100, 1000, 9000, 40_000))),
            created_by="ada",
            comment="",
            updated_at_ms=ms(now),
        )
        self._silences[said.id] = said
        return Control(at_ms=ms(now), silence=said)

    def _outcome(self) -> Control:
        about, verdict = self._chance.choice(sorted(self.incidents)), self._chance.choice(tuple(Verdict))
        said = Outcome(incident_id=about, verdict=verdict, by="ada", via="web", at_ms=ms(self._now))
        return Control(at_ms=said.at_ms, outcome=said)

    def _is_silenced(self, said: Alert) -> bool:
        now_ms, seen = ms(self._now), facets(said)
        holding = [one for one in self._silences.values() if one.starts_at_ms <= now_ms < one.ends_at_ms]
        return any(all_match(parse_matchers(one.matchers), seen) for one in holding)


def _rules(chance: Random) -> dict[str, object]:
    return {
        "group_by": chance.choice((None, None, ["cluster"], ["host"])),
        "storm": {"floor": chance.choice((2, 3, 50)), "quiet_windows": 1},
        "repeat_after": chance.choice((None, "5m", "1h")),
        "resolve_after": chance.choice((0, "20s", "5m")),
        "reopen_within": chance.choice((0, "1m", "10m", "1h")),
        "max_listed": chance.choice((2, 25)),
    }


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_whatever_fires_unsilenced_is_paged_until_it_is_over(seed: int) -> None:
    story = Story(Random(seed))  # noqa: S311  # no secret; a list of draws would be too long to be drawn one by one
    for _ in range(STEPS):
        story.go_on()
        story.judge()
    story.end()
    assert set(story.paged.values()) <= {PageKind.RESOLVE}
    assert {one.state for one in story.incidents.values()} <= {IncidentState.RESOLVED, IncidentState.MERGED}
