"""Which of an incident's alerts is named as its likely cause, and what is said to speak for it."""

from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from pipeline.core.alerts import LiveAlerts
from pipeline.core.cause import MOST_OF_LAST, MOST_SUSPECTS, Causes, Directions, lasting, why
from pipeline.core.clusters import UNKNOWN, Unlearned, key_of
from pipeline.core.evidence import Evidence
from pipeline.core.incident import add, reopen
from pipeline.core.incidents import Open
from pipeline.core.live import Live
from pipeline.core.memory import Memory
from pipeline.core.state import ScopeState
from schemas import Severity
from tests.scene import Told, alert, identity, ms

MINUTES = 60


@dataclass
class Calls:
    """A topology: who calls whom."""

    calls: Mapping[str, tuple[str, ...]]

    def service_of(self, labels: Mapping[str, str]) -> str | None:
        return labels.get("service")

    def is_upstream(self, service: str, of: str) -> bool:
        return any(called == service or self.is_upstream(service, called) for called in self.calls.get(of, ()))


class DiskFirst(Unlearned):
    """A model that has seen disks fill before anything is slow."""

    def number(self, template: int) -> int:
        known = [key_of("t1:Disk"), key_of("t1:Slow")]
        return known.index(template) if template in known else UNKNOWN

    def leads(self, a: int, b: int) -> float:
        return {(0, 1): 0.9, (1, 0): -0.9}.get((a, b), 0.0)


class Scene:
    """One incident, to which alerts come."""

    def __init__(self, directions: Directions | None = None) -> None:
        self.memory, self.state = Memory(10_000), ScopeState("s")
        self.alerts = LiveAlerts(self.memory, self.state)
        self.causes = Causes(self.alerts, directions or Directions())
        self.incident = Open(self.memory.incidents, "s", "inc1:0", {}, "", 0, 0, 0, Severity.ERROR, None)
        self.lives: list[Live] = []

    def comes(self, at_s: float, told: Told) -> Live:
        now_ms = ms(at_s)
        known = identity(told)
        known = known.model_copy(
            update={"at_ms": now_ms, "starts_at_ms": ms(at_s if told.began_s is None else told.began_s)}
        )
        code = int(known.fingerprint[4:], 16)
        live = Live(self.alerts, code, self.incident, 0, known.severity, known.starts_at_ms, now_ms, now_ms, 0, now_ms)
        live.told = known
        self.alerts.add(live, None)
        add(self.incident, live, now_ms)
        self.causes.joined(self.incident, live, known)
        self.lives.append(live)
        return live

    @property
    def evidence(self) -> Evidence:
        assert self.incident.evidence is not None
        return self.incident.evidence

    def says(self) -> list[str]:
        return [f"{one.name}: {why(one, self.evidence)}" for one in self.evidence.suspects]


def test_of_equals_the_first_is_the_cause() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    scene.comes(40, alert("B", host="b"))
    assert scene.says() == ["A: first, 40 s before the next", "B: 40 s after the first"]


def test_when_it_began_counts_and_not_when_we_heard_of_it() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    scene.comes(40, alert("B", host="b", began_s=-20))
    assert scene.says()[0] == "B: first, 20 s before the next"
    assert scene.incident.began_ms == ms(-20)


@pytest.mark.parametrize("began_s", [-2 * 3600, -1_600_000_000, 50])
def test_a_start_long_ago_or_in_the_future_says_nothing(began_s: float) -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    scene.comes(40, alert("B", host="b", began_s=began_s))
    assert scene.says()[0] == "A: first, 40 s before the next"


def test_of_those_that_began_together_the_worst_is_the_cause() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    scene.comes(30, alert("B", host="b", severity="critical"))
    assert scene.says() == ["B: 30 s after the first; the most severe", "A: first, 30 s before the next"]


def test_long_after_the_first_not_even_what_is_critical_is_the_cause() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    scene.comes(10 * MINUTES, alert("B", host="b", severity="critical"))
    assert scene.says() == ["A: first, 10 min before the next", "B: 10 min after the first; the most severe"]


def test_one_alone_long_before_all_others_is_not_their_cause() -> None:
    scene = Scene()
    scene.comes(0, alert("HostHighCpuLoad", host="a"))
    for number in range(20):
        scene.comes(11 * MINUTES + number, alert("PodNotReady", pod=f"p{number}"))
    assert scene.says()[0] == "PodNotReady: 11 min after the first"


def test_neither_is_what_was_noisy_before_and_what_comes_long_after() -> None:
    scene = Scene()
    for number in range(8):
        scene.comes(number * 4 * MINUTES, alert(f"Noise{number}", host="a"))
    for number in range(30):
        scene.comes(40 * MINUTES + number, alert("PodNotReady", pod=f"p{number}"))
    scene.comes(55 * MINUTES, alert("Late", host="b", severity="critical"))
    assert scene.evidence.suspects[0].subject == "p0"
    assert len(scene.evidence.suspects) <= MOST_SUSPECTS


def test_one_that_turns_worse_is_weighed_anew() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    later = scene.comes(30, alert("B", host="b"))
    assert scene.says()[0].startswith("A:")
    later.severity = Severity.CRITICAL
    scene.causes.worsened(later, Severity.WARNING.rank)
    assert scene.says()[0] == "B: 30 s after the first; the most severe"


def test_what_the_others_depend_on_is_the_cause_however_late_it_is() -> None:
    calls = Calls({"web": ("cart",), "cart": ("db",), "search": ("index",)})
    scene = Scene(Directions(calls))
    scene.comes(0, alert("Errors", service="web"))
    scene.comes(10, alert("Errors", service="cart"))
    scene.comes(20, alert("Errors", service="search"))
    scene.comes(5 * MINUTES, alert("Slow", service="db", severity="info"))
    assert scene.says()[0] == "Slow: 5 min after the first; upstream of 2 of the others"


def test_who_stands_above_whom_does_not_depend_on_the_order_in_which_they_come() -> None:
    calls = Calls({"web": ("cart",), "cart": ("db",)})
    found = []
    for order in (("web", "cart", "db"), ("db", "cart", "web"), ("cart", "db", "web")):
        scene = Scene(Directions(calls))
        for service in order:
            scene.comes(0, alert("Errors", service=service))
        found.append({one.subject: (one.below, one.above) for one in scene.evidence.suspects})
    assert found == [{"db": (2, 0), "cart": (1, 1), "web": (0, 2)}] * 3


def test_what_usually_comes_before_the_others_is_the_cause() -> None:
    scene = Scene(Directions(clusters=DiskFirst()))
    scene.comes(0, alert("Slow", host="a"))
    scene.comes(1, alert("Slow", host="b"))
    scene.comes(30, alert("Disk", host="a"))
    assert scene.says()[0] == "Disk: 30 s after the first; usually before 2 of the others"


def test_an_incident_of_one_keeps_nothing() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    assert scene.incident.evidence is None


def test_there_is_a_handful_of_suspects_however_many_alerts_there_are() -> None:
    scene = Scene()
    for number in range(3000):
        scene.comes(number / 10, alert("A", host=f"h{number}", severity="critical" if number == 300 else "warning"))
    assert [one.subject for one in scene.evidence.suspects] == ["h300", "h0", "h1"]
    assert scene.evidence.alerts == 3000


def test_of_two_incidents_that_merge_the_causes_of_both_are_suspects() -> None:
    calls = Calls({"web": ("db",)})
    one, other = Scene(Directions(calls)), Scene(Directions(calls))
    for number in range(4):
        one.comes(number, alert(f"A{number}", service="web"))
    for number in range(4):
        other.comes(60 + number, alert(f"B{number}", service="db"))
    one.causes.merged(one.evidence, other.evidence)
    assert len(one.evidence.suspects) == MOST_OF_LAST
    assert one.says()[0] == "B0: 60 s after the first; upstream of 4 of the others"
    assert (one.evidence.alerts, one.evidence.first_ms) == (8, ms(0))


def test_after_a_reopening_the_cause_is_among_what_fires_again() -> None:
    scene = Scene()
    scene.comes(0, alert("A", host="a"))
    second = scene.comes(40, alert("B", host="b"))
    reopen(scene.state, scene.incident, ms(500))
    second.told = second.alert.model_copy(update={"starts_at_ms": ms(499)})
    scene.causes.fires_again(second, ms(500))
    scene.causes.fires_again(second, ms(600))
    assert scene.says() == ["B: first"]
    assert scene.incident.began_ms == ms(499)


@pytest.mark.parametrize(
    ("span_ms", "said"),
    [(0, "0 ms"), (999, "999 ms"), (1000, "1 s"), (119_999, "119 s"), (120_000, "2 min"), (7_200_000, "2 h")],
)
def test_spans_are_told_in_the_unit_that_fits(span_ms: int, said: str) -> None:
    assert lasting(span_ms) == said
