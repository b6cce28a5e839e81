"""What is done to the parts, and when: all of it derives from a seed."""

from collections.abc import Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

SESSION_S = 6.0  # the session time-out of workers and pager: whoever is silent for longer loses its partitions
STALL_S = (SESSION_S + 1, SESSION_S + 5)
PAUSE_S = (0.5, 5.0)  # a part starts in two or three seconds: some are hit before they are up
DOWN_S = (0.0, 3.0)
BROKER_S = (1.0, 6.0)
OUTAGE_S = 20.0


class What(StrEnum):
    """A kind of deed."""

    KILL = "kill -9"
    STALL = "SIGSTOP"
    BROKER_KILL = "kill -9 of the broker"
    BROKER_STOP = "stop of the broker"
    OUTAGE = "outage of PagerDuty"


class Deed(NamedTuple):
    """One deed. It is done `after_s` after the one before, and what it hits stays so `for_s`."""

    after_s: float
    what: What
    whom: str
    for_s: float


def plan(seed: int, kills: int, parts: Sequence[str]) -> list[Deed]:
    """`kills` kills and stalls in random order, restarts of the broker, and one outage of PagerDuty.

    Every part has its turn before any has its second, and of four deeds one is a stall.
    """
    rng = Random(f"{seed}/plan")  # noqa: S311 - no secret
    deeds: list[Deed] = []
    turns: list[str] = []
    for number in range(kills):
        turns = turns or rng.sample(parts, len(parts))
        what, for_s = (What.STALL, STALL_S) if number % 4 == 3 else (What.KILL, DOWN_S)
        deeds.append(Deed(rng.uniform(*PAUSE_S), what, turns.pop(), rng.uniform(*for_s)))
    rng.shuffle(deeds)
    # The broker is killed in every run, and in a long one stopped as an operator does, too.
    for number, what in enumerate((What.BROKER_KILL, What.BROKER_STOP)[: 2 if kills >= 20 else 1]):
        place = rng.randint(len(deeds) // 4, len(deeds) * 3 // 4)
        deeds.insert(place + number, Deed(rng.uniform(*PAUSE_S), what, "broker", rng.uniform(*BROKER_S)))
    deeds.insert(rng.randint(0, len(deeds) // 2), Deed(rng.uniform(*PAUSE_S), What.OUTAGE, "PagerDuty", OUTAGE_S))
    return deeds
