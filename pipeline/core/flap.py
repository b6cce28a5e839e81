"""An alert flaps when it changes too often between firing and resolved: from above one threshold to below a lower.

Route-flap damping, RFC 2439 section 4 (figure of merit, cutoff and reuse threshold, half-life, ceiling): each change
adds 1 to a penalty that halves every `half_life`. Flapping begins above `start` and ends below `stop`. Nagios' measure,
the percentage of changes in the last 21 checks with newer ones weighing more, needs checks at a steady rate, which
alerts that are pushed do not have, and it says nothing while none comes. Here the very millisecond at which flapping
ends is known in advance, so that it is a deadline.

    penalty  4 ┤      ╷
             3 ┼╌╌╌╌╌╷┤╲╌╌╌╌╌╌╌╌╌╌╌╌╌╌ start: above it, it flaps
             2 ┤   ╷╲│  ╲_
             1 ┼╌╌╷┤╌╌╌╌╌╌╌╌‾‾‾──___╌╌ stop: below it, no longer
               └──┴┴─┴┴─────────────┴─▶ time
"""

import math
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel, ConfigDict, Field, model_validator

from pipeline.core.decay import remaining
from pipeline.core.duration import PositiveDuration


class FlapPolicy(BaseModel):
    """When an alert flaps.

    The defaults, the first firing counted as a change too: no three changes are enough, so firing → resolved → firing
    never is. Four are within 13 minutes if evenly spaced, and within 8 however spaced. Changes that go on steadily
    are flapping when they come faster than every 8.8 minutes, and end it when they come slower than every 15. It ends
    30 minutes after four quick changes, and never later than 45 minutes after the last. (Routers' usual values say
    nearly the same: half-life 15 minutes, on at 4 changes, off at 1.5, at most 60 minutes.)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    start: float = Field(
        strict=True, default=3.0, ge=1, le=1000, description="changes, fading with time: above it an alert flaps"
    )
    stop: float = Field(
        strict=True, default=1.0, gt=0, le=1000, description="below it flapping is over; less than `start`"
    )
    half_life_ms: PositiveDuration = Field(
        default=900_000, alias="half_life", description="after so long a change counts half"
    )
    longest_ms: PositiveDuration = Field(
        default=2_700_000, alias="longest", description="after so long without a change it is over, however many came"
    )

    @model_validator(mode="after")
    def _can_begin_and_end(self) -> "FlapPolicy":
        if self.stop >= self.start:
            raise ValueError("stop must be less than start")
        if self.ceiling <= self.start:
            raise ValueError("longest is too short for this half_life: the penalty could never exceed start")
        return self

    @cached_property
    def ceiling(self) -> float:
        """The highest penalty (RFC 2439): `longest` later it is `stop`."""
        return self.stop / remaining(self.longest_ms, self.half_life_ms)


@dataclass(slots=True)
class FlapState:
    """How much an alert has changed of late: the penalty at the time of its last change."""

    penalty: float = 0.0
    at_ms: int = 0
    is_flapping: bool = False  # as of `at_ms`


def changed(state: FlapState, at_ms: int, policy: FlapPolicy) -> FlapState:
    """The state after one more change between firing and resolved; a late one counts as of the last."""
    at_ms = max(at_ms, state.at_ms)
    left = _penalty(state, at_ms, policy)
    penalty = min(left + 1.0, policy.ceiling)
    goes_on = state.is_flapping and left >= policy.stop
    return FlapState(penalty, at_ms, goes_on or penalty > policy.start)


def is_flapping(state: FlapState, at_ms: int, policy: FlapPolicy) -> bool:
    """Whether the alert flaps at `at_ms`, a time not before its last change."""
    return state.is_flapping and _penalty(state, at_ms, policy) >= policy.stop


def ends_at_ms(state: FlapState, policy: FlapPolicy) -> int:
    """The first millisecond at which it no longer flaps if nothing changes; its last change if it does not flap."""
    if not state.is_flapping:
        return state.at_ms
    guess_ms = state.at_ms + int(math.log2(state.penalty / policy.stop) * policy.half_life_ms)
    while is_flapping(state, guess_ms, policy):
        guess_ms += 1
    while guess_ms > state.at_ms and not is_flapping(state, guess_ms - 1, policy):
        guess_ms -= 1
    return guess_ms


def _penalty(state: FlapState, at_ms: int, policy: FlapPolicy) -> float:
    return state.penalty * remaining(at_ms - state.at_ms, policy.half_life_ms)
