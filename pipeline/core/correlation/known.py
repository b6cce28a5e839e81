"""The alerts that a scope has seen: what they say, and how everyday they are."""

from dataclasses import dataclass
from typing import NamedTuple

from pipeline.core.correlation.tuning import BACKGROUND_SESSIONS, SESSION_MS, SESSIONS_HALF_LIFE_MS
from pipeline.core.decay import remaining


class Weighed(NamedTuple):
    """What the tokens of an alert say."""

    weights: list[tuple[int, float]]  # the rarest first
    total: float
    least: float  # so much of it must be shared
    rare: set[int]  # one of these must be


@dataclass(slots=True)
class Known:
    """A distinct alert. `sessions` fade with days; a session ends with some minutes of silence."""

    tokens: tuple[int, ...]  # its words and the values of its labels, and last what its service needs
    pairs: tuple[int, ...] = ()  # those values, and its name as a whole: what may surge
    needs: int = 0  # how many of its tokens tell what its service needs
    sessions: float = 0.0
    heard: int = 0  # how often it looked for an incident
    last_at_ms: int | None = None  # when it last came, and was no plain duplicate
    is_guest: bool = False  # everyday, it went into an incident of what is not: when it comes again, it goes its way
    homes: tuple[int, ...] = ()  # profiles that it is a member of; derived. As no list it is no work for the collector
    weighed: Weighed | None = None  # what its tokens say, as of `weighed_at`; derived
    weighed_at: int = -1

    @property
    def is_background(self) -> bool:
        """Whether a log-like event comes so often that it says nothing of what comes with it."""
        return self.sessions >= BACKGROUND_SESSIONS

    def hear(self, at_ms: int, last_at_ms: int | None) -> bool:
        """It has come. `last_at_ms`: when it came before, if that is known better. Whether a session began."""
        self.heard += 1
        before = [ms for ms in (self.last_at_ms, last_at_ms) if ms is not None]
        silence_ms = max(0, at_ms - max(before)) if before else None
        self.last_at_ms = max(at_ms, *before) if before else at_ms
        is_onset = silence_ms is None or silence_ms > SESSION_MS
        if is_onset:
            kept = 0.0 if silence_ms is None else self.sessions * remaining(silence_ms, SESSIONS_HALF_LIFE_MS)
            self.sessions = kept + 1.0
        return is_onset
