"""Everything that must hold after a run, in one sentence and a list of what does not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.core.policy import Policy
from pipeline.log import Entry
from pipeline.log.extent import Extents, Recording
from tests.chaos.producer import Ledger
from tests.chaos.replayed import Replay, differences, replayed
from tests.chaos.truth import Count, counted
from tests.integration.books import openings
from tests.integration.pagerduty import PagerDutyEndpoint


@dataclass
class Verdict:
    """The counts of a run, and every problem in words."""

    count: Count
    wrong: list[str] = field(default_factory=list)
    second_pages: int = 0
    incidents: int = 0
    pages: int = 0

    @property
    def is_good(self) -> bool:
        return not (self.count.problems or self.wrong or self.second_pages)

    def sentence(self) -> str:
        """The last line of a run."""
        count = self.count
        return (
            f"sent {count.sent:,} events acknowledged and {count.unasked:,} more that arrived unacknowledged: "
            f"decided {count.decided:,}, rejected {count.rejected:,}, lost {count.lost:,}, doubled {count.doubled:,}, "
            f"wrong {len(self.wrong):,}; {self.incidents:,} incidents, {self.pages:,} pages, "
            f"second pages {self.second_pages:,}."
        )


@dataclass(frozen=True)
class Kept:
    """A `Recording` in memory: a real one may be read once only, and here several look at the same topic."""

    extents: Extents
    topics: Mapping[str, Sequence[Entry]]

    def read(self, topic: str) -> Iterator[Entry]:
        yield from self.topics[topic]

    def close(self) -> None:
        """Nothing to let go."""


def kept(recording: Recording) -> Kept:
    """All that stands on the topics of `recording`."""
    return Kept(recording.extents, {topic: list(recording.read(topic)) for topic in recording.extents})


def judge(recording: Recording, policy: Policy, ledger: Ledger, pagerduty: PagerDutyEndpoint) -> Verdict:
    """Compare what was sent, what stands on the topics, what a replay makes of it, and what PagerDuty was told.

    Everything must have been resolved at the end.
    """
    verdict = Verdict(counted(recording, ledger))
    replay = replayed(recording, policy)
    verdict.wrong += differences(recording, replay)
    verdict.wrong += ledger.strange
    verdict.incidents, verdict.pages = len(replay.incidents), sum(map(len, replay.actions.values()))
    _judge_pages(verdict, replay, pagerduty)
    _judge_clusters(verdict, replay, ledger)
    return verdict


def _judge_pages(verdict: Verdict, replay: Replay, pagerduty: PagerDutyEndpoint) -> None:
    """PagerDuty opened each incident as often as its pages say, and none is open."""
    for key in replay.actions.keys() | {incident.dedup_key for incident in pagerduty.incidents()}:
        actions = replay.actions.get(key, {})
        due, opened = openings([actions[revision] for revision in sorted(actions)]), pagerduty.opened(key)
        if opened != due:
            verdict.wrong.append(f"PagerDuty opened {key} {opened} times, and its pages call for {due}: {actions}")
        verdict.second_pages += max(0, opened - due)
        if pagerduty.is_open(key):
            verdict.wrong.append(f"PagerDuty still has {key} open, and everything was resolved")


def _judge_clusters(verdict: Verdict, replay: Replay, ledger: Ledger) -> None:
    """Every cluster of which an alert was acknowledged was paged, and is at rest. This leans on no replay of ours."""
    told = {attempt.post.cluster for attempt in ledger.attempts.values() if attempt.is_acknowledged}
    paged = {replay.incidents[key].scope.partition("=")[2] for key in replay.actions if key in replay.incidents}
    verdict.wrong += [f"{cluster} fired and nobody was paged" for cluster in sorted(told - paged)]
    verdict.wrong += [
        f"{key} is {incident.state} although all its alerts were resolved"
        for key, incident in replay.incidents.items()
        if incident.state == "open"
    ]
