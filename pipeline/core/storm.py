"""A storm is far more distinct new alerts in a window than the scope is used to, and never fewer than a floor.

    alerts ┤         ╷ ╷      a storm begins with the alert that reaches the threshold
         T ┼╌╌╌╌╌╌╌╌╷│╷│╌╌╌╌╌╌ max(floor, factor * (baseline + √baseline))
           │        ││││╷
       T/2 ┼╌╌╌╌╌╌╌╌┤│││┤╷╌╌╌╌ and ends after `quiet_windows` windows below half of it
           │ ╷    ╷ ││││││╷   ╷
           └─┴┴┴──┴┴┴┴┴┴┴┴┴┴┴┴┴┴─▶ windows [a, b) of event time, aligned to the epoch

The baseline is what the scope is used to: the mean of all its windows, empty ones too, where a window counts half after
`half_life`. √baseline is how far independent alerts spread about their mean (Poisson); `factor` covers that real
ones come in bursts. A window teaches the baseline no more than the threshold, so that one storm cannot hide the next.
What goes on steadily still becomes usual, at any rate: with the defaults 50 alerts a minute are a storm for 50 minutes,
400 for under two hours, 5000 for three; in general, for at most 1½ half-lives and a third of one for each doubling from
`floor` to the rate, and a lower `factor` takes longer. Then the stream starts no other.

Nothing moves but by a new alert or by `end`, so ticks leave no trace: two states that saw the same alerts are equal.
"""

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pydantic import BaseModel, ConfigDict, Field

from pipeline.core import tally as tallies
from pipeline.core.decay import remaining
from pipeline.core.duration import PositiveDuration
from pipeline.core.tally import Tally
from schemas import Alert
from schemas.record import fields_of


class StormPolicy(BaseModel):
    """When new alerts are a storm. The floor is above what one broken node usually brings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    floor: int = Field(strict=True, default=50, ge=2, description="fewer new alerts in a window are never a storm")
    factor: float = Field(
        strict=True, default=4.0, ge=2, le=1000, description="how many times more than usual is a storm"
    )
    window_ms: PositiveDuration = Field(default=60_000, alias="window", description="in which new alerts are counted")
    half_life_ms: PositiveDuration = Field(
        default=3_600_000, alias="half_life", description="after so long, what the scope was used to counts half"
    )
    quiet_windows: int = Field(
        strict=True, default=5, ge=1, le=1000, description="windows with half as many that end a storm"
    )


@dataclass(slots=True)
class StormState:
    """What a scope is used to, and its storm if it has one."""

    window_at_ms: int = 0  # begin of the window of the last new alert
    count: int = 0  # new alerts in it
    baseline: float = 0.0  # new alerts a window, as of before it
    is_storm: bool = False
    busy_at_ms: int = 0  # begin of the last window with at least half of the threshold
    tally: Tally = field(default_factory=Tally)  # this window's alerts; in a storm, all since its first window began
    since_ms: int = 0  # when the first alert in `tally` came
    usual: Tally = field(default_factory=Tally)  # those of windows without a storm


def add(state: StormState, alert: Alert, at_ms: int, policy: StormPolicy) -> bool:
    """Count a new distinct alert; whether a storm begins with it. A late one counts in the newest window."""
    begins = count(state, at_ms, policy)
    tallies.count_all(state.tally, [alert])
    return begins


def count(state: StormState, at_ms: int, policy: StormPolicy) -> bool:
    """As `add`, but that the caller lets the tally count what is in the alert, before it asks anything of it.

    At the latest before the next window, and at once while there is a storm.
    """
    limits = fields_of(policy)
    at_ms = max(at_ms, state.window_at_ms)
    if state.is_storm and at_ms >= ends_at_ms(state, policy):
        end(state)
    window_at_ms = at_ms - at_ms % limits["window_ms"]
    if window_at_ms > state.window_at_ms:
        _close(state, window_at_ms, policy)
    state.count += 1
    if state.tally.alerts == 0:
        state.since_ms = at_ms
    state.tally.alerts += 1
    if 2 * state.count < limits["floor"]:  # almost always
        return False
    threshold = threshold_of(state, policy)
    if 2 * state.count >= threshold:
        state.busy_at_ms = window_at_ms
    if state.is_storm or state.count < threshold:
        return False
    state.is_storm = True
    return True


def threshold_of(state: StormState, policy: StormPolicy) -> float:
    """How many new alerts in the window make it a storm."""
    return max(float(policy.floor), policy.factor * (state.baseline + math.sqrt(state.baseline)))


def ends_at_ms(state: StormState, policy: StormPolicy) -> int:
    """When the storm ends if little or nothing more comes. To be asked while there is one; an alert may put it off."""
    return state.busy_at_ms + (1 + policy.quiet_windows) * policy.window_ms


def end(state: StormState) -> None:
    """Forget the storm: it is over. Its `sentence` has to be asked for before."""
    state.is_storm = False
    state.tally = Tally()


def is_like(alert: Alert, state: StormState) -> bool:
    """Whether the alert is of the storm's kind; what is critical and is not still pages on its own."""
    return tallies.is_like(alert, state.tally, state.usual)


def sentence(state: StormState, ended_at_ms: int | None = None) -> str:
    """What a tired person reads of the storm: how many, since when, what, from where."""
    began = _clock(state.since_ms)
    alerts = f"{state.tally.alerts} new alert{'s' if state.tally.alerts > 1 else ''}"
    span = f"since {began} UTC" if ended_at_ms is None else f"from {began} to {_clock(ended_at_ms)} UTC"
    head = "Storm" if ended_at_ms is None else "Storm over"
    return f"{head}: {alerts} {span}, {tallies.said(state.tally, state.usual)}"


def _close(state: StormState, window_at_ms: int, policy: StormPolicy) -> None:
    """Learn from the window that is over and from the empty ones up to the new one."""
    learned = min(float(state.count), threshold_of(state, policy))
    kept = remaining(policy.window_ms, policy.half_life_ms)
    empty_ms = max(window_at_ms - state.window_at_ms - policy.window_ms, 0)
    baseline = state.baseline * kept + learned * (1.0 - kept)
    state.baseline = baseline * remaining(empty_ms, policy.half_life_ms)
    state.window_at_ms = window_at_ms
    state.count = 0
    if not state.is_storm:
        tallies.merge(state.usual, state.tally)
        state.tally = Tally()


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%H:%M")
