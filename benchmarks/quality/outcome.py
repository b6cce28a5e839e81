"""What people notice of storms: incidents, pages as they were sent, strangers, and how long critical alerts wait."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.quality.scenes.alerts import BACKGROUND

COVERS_S = 3600  # a page tells of what joins its incident within this time


class Onset(NamedTuple):
    """An alert that began: the storm it belongs to, the group it ended up in, and when."""

    storm: str
    group: str
    at_s: float
    is_critical: bool


class Sent(NamedTuple):
    """A page that notified a person, as sent, before any merge."""

    group: str  # in which its incident ended up
    at_s: float
    storm: str  # of what it told


class Outcome(NamedTuple):
    """The figures of one scene; those that are lists have one entry a storm."""

    pair_f1: float
    incidents: list[int]
    pages: list[int]
    strangers: list[float]
    missed: int
    waits_s: list[float]  # of each critical alert of a storm until a page told of its incident; inf: none did


def outcome(onsets: Sequence[Onset], sent: Sequence[Sent]) -> Outcome:
    """Judge one scene."""
    storms = sorted({onset.storm for onset in onsets} - {BACKGROUND})
    held: dict[str, Counter[str]] = defaultdict(Counter)  # of each group, how many of each storm
    for onset in onsets:
        held[onset.group][onset.storm] += 1
    groups = {storm: [group for group, count in held.items() if count[storm]] for storm in storms}
    pages = Counter(page.storm for page in sent)
    return Outcome(
        pair_f1=_pair_f1(held, Counter(onset.storm for onset in onsets)),
        incidents=[len(groups[storm]) for storm in storms],
        pages=[pages[storm] for storm in storms],
        strangers=[_strangers([held[group] for group in groups[storm]], storm) for storm in storms],
        missed=sum(not pages[storm] for storm in storms),
        waits_s=_waits(onsets, sent),
    )


def _pair_f1(held: dict[str, Counter[str]], storms: Counter[str]) -> float:
    """Of pairs that should be, and that are, in one incident; how background groups with itself counts as neither."""
    right = sum(_pairs(n) for count in held.values() for storm, n in count.items() if storm != BACKGROUND)
    said = sum(_pairs(count.total()) - _pairs(count[BACKGROUND]) for count in held.values())
    true = sum(_pairs(n) for storm, n in storms.items() if storm != BACKGROUND)
    return 2 * right / (said + true)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _strangers(counts: list[Counter[str]], storm: str) -> float:
    """The share of a storm's largest incident that does not belong to it."""
    largest = max(counts, key=lambda count: count[storm])
    return 1 - largest[storm] / largest.total()


def _waits(onsets: Sequence[Onset], sent: Sequence[Sent]) -> list[float]:
    told: dict[str, list[float]] = defaultdict(list)
    for page in sorted(sent, key=lambda page: page.at_s):
        told[page.group].append(page.at_s)
    critical = [onset for onset in onsets if onset.is_critical and onset.storm != BACKGROUND]
    return [_wait(told[onset.group], onset.at_s) for onset in critical]


def _wait(told_s: list[float], at_s: float) -> float:
    first = int(np.searchsorted(told_s, at_s - COVERS_S))
    return max(0.0, told_s[first] - at_s) if first < len(told_s) else np.inf
