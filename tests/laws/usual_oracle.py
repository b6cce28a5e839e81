"""The slow twin of `Usual`: dicts and plain numbers, and the rule as a person says it. Nothing is ever forgotten."""

import math
from dataclasses import dataclass, field

from pipeline.core.actionability.surprise import fade, probability_of
from pipeline.core.actionability.tuning import HALF_LIFE_MS, PLACE_HALF_LIFE_MS, SCOPE_HALF_LIFE_MS
from pipeline.core.logarithm import ln


@dataclass
class Habit:
    """What is known of one thing."""

    first_at_ms: int
    last_at_ms: int
    begun: float = 1.0
    gaps: float = 0.0
    gap: float = 0.0
    spread: float = 0.0
    ended: float = 0.0
    short: float = 0.0
    glow: float = 0.0
    glow_at_ms: int = 0
    paged: float = 0.0
    wide: float = 0.0

    def begun_at(self, at_ms: int) -> float:
        return self.begun * fade(at_ms - self.last_at_ms, HALF_LIFE_MS)

    def glow_at(self, at_ms: int, half_life_ms: int) -> float:
        return self.glow * fade(at_ms - self.glow_at_ms, half_life_ms)

    def light(self, at_ms: int, surprise: float, half_life_ms: int) -> None:
        self.glow = self.glow_at(at_ms, half_life_ms) + surprise
        self.glow_at_ms = max(at_ms, self.glow_at_ms)

    def late(self, at_ms: int) -> float:
        return ln(max(1.0, (at_ms - self.last_at_ms) / 1000)) - self.gap

    def rhythm(self, at_ms: int) -> float:
        if self.gaps < 2:
            return 0.0
        return max(-2.0, min(3.0, self.late(at_ms) / (math.sqrt(self.spread) + 0.7)))

    def count(self, at_ms: int) -> None:
        off = self.late(at_ms)
        begun = self.begun_at(at_ms) + 1
        self.gaps = min(self.gaps + 1, 50)
        share = 1 / self.gaps
        self.gap += share * off
        self.spread = (1 - share) * (self.spread + share * off * off)
        self.begun = begun
        self.last_at_ms = max(at_ms, self.last_at_ms)

    def end(self, after_ms: int) -> None:
        self.ended = self.ended * 0.98 + 1
        self.short = self.short * 0.98 + (after_ms < 600_000)

    def self_resolved(self) -> float:
        return self.short / (self.ended + 4)


@dataclass
class OracleUsual:
    """What `Usual` does."""

    habits: dict[tuple[str, int], Habit] = field(default_factory=dict)
    template_of: dict[int, int] = field(default_factory=dict)

    def begin(self, template: int, alert: int, place: int, at_ms: int, claimed: float = 0.0) -> list[float]:
        scope = self.habits.setdefault(("scope", 0), Habit(at_ms, at_ms))
        watched_ms = max(0, at_ms - scope.first_at_ms)
        most_days = HALF_LIFE_MS / 0.6931471805599453 / 86_400_000
        days = max(1.0, (1 - fade(watched_ms, HALF_LIFE_MS)) * most_days)
        known_template, known_alert = self.habits.get(("template", template)), self.habits.get(("alert", alert))
        seen = [0.0 if one is None else one.begun_at(at_ms) for one in (known_template, known_alert)]
        rare = [ln(days / (1 + begun)) for begun in seen]
        rhythm = 0.0 if known_template is None else known_template.rhythm(at_ms)
        template_habit, alert_habit = self._count("template", template, at_ms), self._count("alert", alert, at_ms)
        self.template_of[alert] = template
        surprise = max(0.0, (2 * rare[0] + rare[1]) / 3 + ln((days + 0.5) / days))
        own = alert_habit.glow_at(at_ms, PLACE_HALF_LIFE_MS)
        own_wide = alert_habit.wide * fade(at_ms - alert_habit.glow_at_ms, SCOPE_HALF_LIFE_MS)
        scope_glow = max(0.0, scope.glow_at(at_ms, SCOPE_HALF_LIFE_MS) - own_wide)
        scope.light(at_ms, surprise, SCOPE_HALF_LIFE_MS)
        place_glow = 0.0
        if place:
            known_place = self.habits.get(("place", place))
            place_glow = 0.0 if known_place is None else max(0.0, known_place.glow_at(at_ms, PLACE_HALF_LIFE_MS) - own)
            self._count("place", place, at_ms).light(at_ms, surprise, PLACE_HALF_LIFE_MS)
        alert_habit.glow, alert_habit.wide = own + surprise, own_wide + surprise
        alert_habit.glow_at_ms = max(at_ms, alert_habit.glow_at_ms)
        resolved = max(0.5 * template_habit.self_resolved(), alert_habit.self_resolved())
        weighed = [
            (1.0, rare[0]),
            (0.25, rare[1]),
            (1.0, ln(1 + place_glow)),
            (1.0, ln(1 + scope_glow)),
            (0.5, rhythm),
            (-2.0, resolved),
        ]
        terms = [grained(weight * value) for weight, value in weighed]
        why = [*seen, float(watched_ms), alert_habit.ended, alert_habit.short, template_habit.paged]
        return [*terms, probability_of(claimed + sum(terms)), *why]

    def recurs(self, alert: int, at_ms: int, most_ms: int) -> bool:
        known = self.habits.get(("alert", alert))
        if known is None or known.gaps < 2:
            return False
        return at_ms - known.last_at_ms <= most_ms and known.gap <= ln(most_ms / 1000)

    def page(self, alert: int) -> None:
        if ("alert", alert) in self.habits:
            self.habits["template", self.template_of[alert]].paged += 1

    def end(self, alert: int, after_ms: int) -> None:
        if ("alert", alert) in self.habits:
            self.habits["alert", alert].end(after_ms)
            self.habits["template", self.template_of[alert]].end(after_ms)

    def _count(self, kind: str, key: int, at_ms: int) -> Habit:
        known = self.habits.get((kind, key))
        if known is None:
            known = self.habits[kind, key] = Habit(at_ms, at_ms)
        else:
            known.count(at_ms)
        return known


def grained(value: float) -> float:
    """The nearest multiple of 1/1024; of two the one farther from nothing."""
    whole = math.floor(abs(value) * 1024 + 0.5)
    return math.copysign(whole / 1024, value) if whole else 0.0
