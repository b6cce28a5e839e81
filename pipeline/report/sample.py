"""The sample month: five weeks of one team's alerts from a seed, decided by the core, with people who act or do not.

What is in it was chosen for the report to have something to say: a load alert that ends by itself, a probe that flaps,
a nightly backup that nobody has to get up for, real outages, a node that dies, door readers that go with the uplink of
their office, imports that name each run, a certificate that nobody renews, an old host that was silenced for a year;
and a fix of last week's report, in force since Monday.
"""

import heapq
import json
import random
import re
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.codec import encode
from pipeline.core.policy import Policy
from pipeline.core.timestamp import rfc3339
from pipeline.core.triage import Facts, Triage
from pipeline.log.entry import Entry
from pipeline.normalise import Raw, by_scope, read
from pipeline.report.facts import DAY_MS, HOUR_MS, WEEK_MS, Week
from pipeline.report.schedule import Schedule
from schemas import Alerts, Control, Outcome, PageKind, Silence, Tick, Verdict
from schemas.record import Record
from schemas.topics import ALERTS, DECISIONS, INCIDENTS, OUTCOMES, PAGES

WEEKS = 5
WEEK = Week.named("2026-W47")
FROM_MS = WEEK.period.until_ms - WEEKS * WEEK_MS
MINUTE_MS = 60_000
REPEATED_MS = 60 * MINUTE_MS  # so often a monitor repeats what still fires
BEFORE = Policy.model_validate({"suppress": "on", "page_above": 0.25})
FIXED_MS = WEEK.period.from_ms + 9 * HOUR_MS  # since when the fix is in force
POLICY = Policy.model_validate(
    BEFORE.model_dump(by_alias=True, exclude_unset=True)
    | {"routes": [{"name": "ReplicaLagHigh", "match": 'alertname="ReplicaLagHigh"', "hold": "5m"}]}
)
SCHEDULE = Schedule.model_validate(
    {
        "zone": "Europe/Berlin",
        "people": {"ada": "Europe/Berlin", "lin": "America/New_York", "sam": "Europe/Berlin"},
        "shifts": [
            {
                "person": ("ada", "lin", "sam")[number % 3],
                "from": rfc3339(FROM_MS + number * 56 * HOUR_MS),
                "until": rfc3339(FROM_MS + (number + 1) * 56 * HOUR_MS),
            }
            for number in range(WEEKS * 3)
        ],
    }
)


class Trouble(NamedTuple):
    """Something that happens: how often a week, for how long (minutes), and how likely somebody acts, or says what."""

    name: str
    severity: str
    labels: dict[str, str]
    weekly: float
    lasts: tuple[float, float]
    acts: float = 0.0
    mark: str | None = None
    runbook: bool = True
    at_hour: int | None = None  # each day then
    from_week: int = 0
    again: int = 1  # times it comes and goes, two minutes apart
    which: tuple[str, ...] = ("a",)  # hosts or pods that it may happen to
    run: str = ""  # a label that is new each time


_SHOP = {"cluster": "eu-1", "namespace": "shop", "team": "shop"}
_INFRA = {"cluster": "eu-1", "team": "platform"}
_NODES = tuple(f"worker-{number}" for number in range(1, 10))
TROUBLES = (
    Trouble("HostHighCpuLoad", "warning", _INFRA | {"job": "node"}, 21, (2, 7), 0.04, which=_NODES),
    Trouble("ProbeSlow", "warning", _SHOP | {"service": "web", "tier": "1"}, 4, (1, 2), 0.2, again=7),
    Trouble("BackupTooSlow", "warning", _INFRA | {"job": "backup"}, 7, (40, 70), 0.3, "not_actionable", at_hour=1),
    Trouble("KubePodCrashLooping", "warning", _SHOP | {"deployment": "cart"}, 5, (20, 90), 0.85),
    Trouble(
        "HighErrorRate", "critical", _SHOP | {"service": "checkout", "tier": "0"}, 2.5, (15, 60), 1.0, "actionable"
    ),
    Trouble(
        "HighRequestLatency", "warning", _SHOP | {"service": "search", "tier": "1"}, 4, (5, 25), 0.5, runbook=False
    ),
    Trouble("DiskWillFillInFourHours", "error", _INFRA | {"job": "node"}, 2, (180, 500), 0.9, which=_NODES),
    Trouble("QueueDepth", "", {"cluster": "eu-1", "service": "mail"}, 5, (12, 45), 0.2, runbook=False),
    Trouble("CPUThrottlingHigh", "info", _SHOP | {"deployment": "images"}, 28, (3, 20), 0.02, which=_NODES),
    Trouble("ReplicaLagHigh", "warning", _SHOP | {"service": "orders", "tier": "1"}, 8, (2, 4), 0.05),
    Trouble("GatewayErrorsSpike", "warning", _SHOP | {"service": "gateway", "tier": "1"}, 5, (2, 6), 0.1),
    Trouble("MirrorOutOfSync", "critical", _INFRA | {"job": "mirror"}, 6, (20, 40), 0.0),
    Trouble("ImportFailed", "info", _INFRA | {"job": "import"}, 1, (6, 15), 0.05, again=6, run="run_id"),
    Trouble("LegacyHostDown", "warning", _INFRA | {"node": "old-db"}, 7, (200, 400), at_hour=3),
    Trouble("FeatureFlagStale", "warning", _SHOP | {"service": "flags"}, 3, (60, 200), 0.3, from_week=4, runbook=False),
)


_ACTS = {"BadgeReadersOffline": 0.1}  # of what is no trouble of its own
_SILENCE = Silence(
    id="5f1c6a0e-old-db",
    matchers=('alertname="LegacyHostDown"',),
    starts_at_ms=FROM_MS,
    ends_at_ms=FROM_MS + 365 * DAY_MS,
    created_by="lin",
    comment="to be switched off soon",
    updated_at_ms=FROM_MS,
)


class _Heard(NamedTuple):
    """Something that reaches us at a time; `order` tells what was made first of those at one time."""

    at_ms: int
    order: int
    line: bytes | None
    told: Outcome | Silence | Policy | None


def sample(seed: int) -> Iterator[Entry]:
    """Everything that would stand on the topics. The same seed gives the same."""
    return _Month(random.Random(seed)).play()  # noqa: S311 - a story, no secret


class _Month:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._triage = Triage(Policy())
        self._heap: list[_Heard] = []
        self._order = 0
        self._offsets: dict[str, int] = {}
        self._told: set[str] = set()
        self._troubles = {trouble.name: trouble for trouble in TROUBLES}

    def play(self) -> Iterator[Entry]:
        """Let it happen, and people hear of it."""
        for trouble in TROUBLES:
            self._befall(trouble)
        self._node_dies()
        self._office_goes_dark()
        self._put(FROM_MS, told=BEFORE)
        self._put(FROM_MS, told=_SILENCE)
        self._put(FIXED_MS, told=POLICY)
        labels = _SHOP | {"service": "api", "tier": "1"}
        self._fire("CertificateExpiresSoon", "warning", labels, FROM_MS + 9 * DAY_MS, 30 * DAY_MS, runbook=True)
        raw_offset = 0
        until_ms = WEEK.period.until_ms + HOUR_MS
        while self._heap and self._heap[0].at_ms < until_ms:
            heard = heapq.heappop(self._heap)
            yield from self._pass(heard.at_ms)
            if heard.told is not None:
                yield from self._control(heard.told, heard.at_ms)
                continue
            assert heard.line is not None  # noqa: S101 - told, or a line
            records = by_scope(read(Raw(heard.line, "canonical", None), POLICY).alerts, 0, raw_offset)
            raw_offset += 1
            yield from self._take(records, heard.at_ms)
        yield from self._pass(until_ms)

    def _control(self, told: Outcome | Silence | Policy, at_ms: int) -> Iterator[Entry]:
        if isinstance(told, Outcome):
            yield self._entry(OUTCOMES.name, told, at_ms)
            control = Control(at_ms=at_ms, outcome=told)
        elif isinstance(told, Silence):
            control = Control(at_ms=at_ms, silence=told)
        else:
            control = Control(at_ms=at_ms, policy=told.name, rules=told.content)
        yield self._entry(ALERTS.name, control, at_ms)
        yield from self._decided(self._triage.step([control]), at_ms)

    def _take(self, records: list[Alerts], at_ms: int) -> Iterator[Entry]:
        for record in records:
            yield self._entry(ALERTS.name, record, at_ms)
        yield from self._decided(self._triage.step(records), at_ms)

    def _pass(self, until_ms: int) -> Iterator[Entry]:
        """Let what is due happen."""
        while (due_ms := self._triage.next_deadline_ms()) is not None and due_ms < until_ms:
            yield from self._decided(self._triage.step([Tick(at_ms=due_ms + 1)]), due_ms + 1)

    def _decided(self, facts: Facts, at_ms: int) -> Iterator[Entry]:
        for topic, records in (
            (DECISIONS.name, facts.decisions),
            (INCIDENTS.name, facts.incidents),
            (PAGES.name, facts.pages),
        ):
            for record in records:
                yield self._entry(topic, record, at_ms)
        for page in facts.pages:
            details = page.payload.custom_details
            if details.kind is not PageKind.RESOLVE and details.incident_id not in self._told:
                self._told.add(details.incident_id)
                self._react(details.incident_id, details.alerts[0].name, at_ms)
        for incident in facts.incidents:
            # Some look at what was kept quiet the day after: at three of five, mostly to find nothing.
            if incident.resolved_at_ms and not incident.is_paged and self._chance.random() < 0.6:
                verdict = Verdict.ACTIONABLE if self._chance.random() < 0.02 else Verdict.NOT_ACTIONABLE
                self._say(incident.incident_id, verdict, at_ms + DAY_MS)

    def _react(self, incident_id: str, name: str, at_ms: int) -> None:
        trouble = self._troubles.get(name)
        if self._chance.random() < (trouble.acts if trouble else _ACTS.get(name, 1.0)):
            soon_ms = at_ms + int(self._chance.lognormvariate(1.4, 0.7) * MINUTE_MS)
            self._say(incident_id, Verdict.ACKNOWLEDGED, soon_ms)
            if trouble and trouble.mark:
                self._say(incident_id, Verdict(trouble.mark), soon_ms + 30 * MINUTE_MS)

    def _say(self, incident_id: str, verdict: Verdict, at_ms: int) -> None:
        person = SCHEDULE.responder(at_ms, None)
        deed = Outcome(
            id=f"out1:{incident_id[5:]}{verdict}", incident_id=incident_id, verdict=verdict, by=person, via="sample",
            at_ms=at_ms,
        )  # fmt: skip
        self._put(at_ms, told=deed)

    def _befall(self, trouble: Trouble) -> None:
        days = 7 * (WEEKS - trouble.from_week)
        start_ms = FROM_MS + trouble.from_week * WEEK_MS
        for number in range(round(trouble.weekly * days / 7)):
            at_ms = start_ms + int(self._chance.random() * days * DAY_MS)
            if trouble.at_hour is not None:
                at_ms = start_ms + number * DAY_MS + trouble.at_hour * HOUR_MS + int(self._chance.random() * 900_000)
            labels = trouble.labels | {"instance": self._chance.choice(trouble.which)}
            for _ in range(trouble.again):
                labels |= {trouble.run: f"{self._chance.getrandbits(32):08x}"} if trouble.run else {}
                lasts_ms = int(self._chance.uniform(*trouble.lasts) * MINUTE_MS)
                self._fire(trouble.name, trouble.severity, labels, at_ms, lasts_ms, runbook=trouble.runbook)
                at_ms += lasts_ms + 2 * MINUTE_MS

    def _node_dies(self) -> None:
        for week in range(WEEKS):
            node = self._chance.choice(_NODES)
            at_ms = FROM_MS + week * WEEK_MS + int(self._chance.random() * 7 * DAY_MS)
            names = ["KubeNodeNotReady", "TargetDown"] + ["KubePodNotReady"] * 9
            for number, name in enumerate(names):
                labels = _INFRA | {"node": node} | ({"pod": f"pod-{number}"} if "Pod" in name else {})
                severity = "warning" if "Pod" in name else "critical"
                self._fire(name, severity, labels, at_ms + number * 4000, 25 * MINUTE_MS, runbook=True)

    def _office_goes_dark(self) -> None:
        for number in range(4 * WEEKS):
            at_ms = FROM_MS + int((number + 0.8 * self._chance.random()) * WEEK_MS / 4)
            site = {"site": self._chance.choice(("berlin", "lyon")), "team": "office"}
            lasts_ms = int(self._chance.uniform(30, 90) * MINUTE_MS)
            self._fire("UplinkDown", "critical", site | {"device": "uplink"}, at_ms, lasts_ms, runbook=True)
            doors = site | {"job": "doors", "vendor": "acme", "controller": "door-7"}
            later_ms = at_ms + int(self._chance.uniform(6, 12) * MINUTE_MS)
            self._fire("BadgeReadersOffline", "warning", doors, later_ms, lasts_ms // 2, runbook=True)

    def _fire(  # noqa: PLR0913, PLR0917 - what a monitor says of an alert
        self, name: str, severity: str, labels: dict[str, str], at_ms: int, lasts_ms: int, runbook: bool
    ) -> None:
        runbooks = {"runbook_url": f"https://runbooks.example.com/{name}"} if runbook else {}
        where = next(labels[one] for one in ("instance", "node", "site", "cluster") if one in labels)
        said = {
            "source": "prometheus",
            "name": name,
            "labels": {"alertname": name, **labels} | ({"severity": severity} if severity else {}),
            "annotations": {"summary": f"{_in_words(name)} on {where}", **runbooks},
            "severity": severity or "unknown",
            "starts_at": rfc3339(at_ms),
        }
        for again_ms in range(at_ms, at_ms + lasts_ms, REPEATED_MS):
            self._put(again_ms, {**said, "status": "firing", "received_at": rfc3339(again_ms)})
        over = {"status": "resolved", "ends_at": rfc3339(at_ms + lasts_ms), "received_at": rfc3339(at_ms + lasts_ms)}
        self._put(at_ms + lasts_ms, {**said, **over})

    def _put(
        self, at_ms: int, said: dict[str, object] | None = None, told: Outcome | Silence | Policy | None = None
    ) -> None:
        self._order += 1
        line = None if said is None else json.dumps(said).encode()
        heapq.heappush(self._heap, _Heard(at_ms, self._order, line, told))

    def _entry(self, topic: str, record: Record, at_ms: int) -> Entry:
        offset = self._offsets.get(topic, 0)
        self._offsets[topic] = offset + 1
        return Entry(topic, 0, offset, "", encode(record), {}, at_ms)


def _in_words(name: str) -> str:
    """`HostHighCpuLoad` as a person would write it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
