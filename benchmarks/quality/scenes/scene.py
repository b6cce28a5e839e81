"""A scene is eight hours of flapping background with one storm of each kind, as canonical events with truth."""

import random
from collections.abc import Iterator

from benchmarks.quality.scenes.alerts import (
    Firing,
    Says,
    of_deployment,
    of_node,
    of_pod,
    of_service,
    of_site,
)
from benchmarks.quality.scenes.fleet import CLUSTERS, Fleet, build
from benchmarks.quality.scenes.storms import STORMS, unfold
from benchmarks.quality.scenes.telling import Event, once, tell

HOURS = 8
QUIET_S = 2 * 3600  # background alone, as anything that learns needs it
EVALUATED_S = 30  # every rule is looked at so often, each at its own moment
FLAPPING = 30  # alerts that come and go all the time
SINGLES_AN_HOUR = 8


def play(seed: int, days: int = 0) -> list[Event]:
    """All events of the scene with that seed, in order of time; `days` of background alone come before it."""
    chance = random.Random(seed)  # noqa: S311 - a scene, no secret
    fleet = build(chance)
    hours = HOURS + 24 * days
    firings = [*_flapping(fleet, chance, hours), *_singles(fleet, chance, hours)]
    at_s = QUIET_S + chance.uniform(0, 900) + 86_400 * days
    for kind in chance.sample(list(STORMS), len(STORMS)):
        firings += unfold(kind, fleet, chance, at_s)
        at_s += chance.uniform(1800, 4000)
    return sorted(_events(once(firings, 2 * EVALUATED_S), chance), key=lambda event: event.at_s)


def _events(firings: Iterator[Firing], chance: random.Random) -> Iterator[Event]:
    """What is sent of it: at the next look of its rule, again while it lasts, and once when it is over."""
    phase: dict[str, float] = {}
    for firing in firings:
        look_s = phase.setdefault(firing.name, chance.uniform(0, EVALUATED_S))
        begins_s = _next_look(firing.at_s, look_s)
        ends_s = max(_next_look(firing.ends_s, look_s), begins_s + EVALUATED_S)
        for event in tell(firing._replace(at_s=begins_s, ends_s=ends_s)):
            yield event._replace(at_s=event.at_s + chance.uniform(0, 0.4))


def _next_look(at_s: float, phase_s: float) -> float:
    return at_s + (phase_s - at_s) % EVALUATED_S


def _flapping(fleet: Fleet, chance: random.Random, hours: int) -> Iterator[Firing]:
    for _ in range(FLAPPING):
        says, every_s = _any(fleet, chance), chance.uniform(600, 2400)
        at_s = chance.uniform(0, every_s)
        while at_s < hours * 3600:
            lasts_s = chance.uniform(60, every_s / 3)
            yield says.firing(at_s, lasts_s)
            at_s += lasts_s + chance.expovariate(1 / every_s)


def _singles(fleet: Fleet, chance: random.Random, hours: int) -> Iterator[Firing]:
    for _ in range(hours * SINGLES_AN_HOUR):
        yield _any(fleet, chance).firing(chance.uniform(0, hours * 3600), chance.uniform(120, 3600))


def _any(fleet: Fleet, chance: random.Random) -> Says:
    """Everyday trouble somewhere."""
    node, pod = chance.choice(fleet.nodes), chance.choice(fleet.pods)
    service, cluster = chance.choice(list(fleet.namespace)), chance.choice(list(CLUSTERS))
    return chance.choice(
        (
            of_node("HostHighCpuLoad", "warning", node, "CPU load of"),
            of_node("HostOutOfDiskSpace", "warning", node, "disk almost full:"),
            of_node("NodeClockNotSynchronising", "warning", node, "clock of"),
            of_pod("KubePodCrashLooping", "warning", fleet, pod),
            of_pod("CPUThrottlingHigh", "info", fleet, pod),
            of_deployment(fleet, service, cluster),
            of_service("HighRequestLatency", "warning", fleet, service, cluster),
            of_service("HighErrorRate", "error", fleet, service, cluster),
            of_site("BlackboxProbeSlowHttp", "warning", chance.choice(fleet.sites)),
        )
    )
