"""A score in words: what of it counted most, for a person who asks why."""

from collections.abc import Callable

from pipeline.core.duration import written
from schemas import Held, Score

_DAY_MS = 86_400_000
_FEW = 0.5  # fading counts below this are never


def said(score: Score, most: int = 3) -> list[str]:
    """What a model said, and the terms that count most, in words, each with its log-odds: `its tier (+0.50)`."""
    terms = sorted(score.terms.items(), key=lambda term: (-abs(term[1]), term[0]))
    of_prior = [f"{_SAID[name](score) if name in _SAID else name} ({value:+.2f})" for name, value in terms[:most]]
    if score.learned_by is None:
        return of_prior
    if score.learned is None:
        return [f"the model {score.learned_by} gave nothing that can be believed", *of_prior]
    counts = "" if score.learned == score.probability else ", which is the lower"
    head = f"from what people said of such alerts, {score.learned:.3g} ({score.learned_by}){counts}"
    parts = sorted(score.learned_terms.items(), key=lambda part: (-abs(part[1]), part[0]))
    return [head, *[f"{_part_said(name, score)} ({value:+.2f})" for name, value in parts[:most]], *of_prior]


def held_said(held: Held) -> str:
    """How long a page waits, and why: `held 2m: 83 % of its kind were gone by then (41 past alerts of this one)`."""
    own = f"{held.ended} past alerts of this one"
    past = own if held.ended else f"{held.template_ended} past alerts of its kind, none of this one"
    return f"held {written(held.for_ms)}: {round(held.gone * 100)} % of its kind were gone by then ({past})"


def _part_said(name: str, score: Score) -> str:
    """A part of what a model says."""
    if name in score.terms and name in _SAID:
        return _SAID[name](score)
    return _PARTS.get(name, f"{name} as it is")


def _times(begun: float) -> str:
    """A fading count as a person says it."""
    if begun < _FEW:
        return "never before"
    return "about once" if begun < 1 + _FEW else f"about {begun:.0f} times"


def _span(score: Score) -> str:
    minutes = score.watched_ms / 60_000
    if minutes <= 0.5:
        return "in less than a minute"
    if minutes < 120:
        return f"in {minutes:.0f} min"
    return f"in {minutes / 60:.0f} h" if minutes < 2 * 24 * 60 else f"in {minutes / 60 / 24:.0f} days"


def _more(term: float, where: str) -> str:
    return f"{'much' if term >= 1 else 'something'} else that is unusual began {where} of late"


def _percent(share: float) -> str:
    return f"{round(100 * share)} %"


def _timing(term: float) -> str:
    return "it comes later than its kind usually does" if term > 0 else "it comes as its kind usually does"


def _gone(score: Score) -> str:
    if score.ended < _FEW:
        return "alerts of its kind usually resolve by themselves within ten minutes"
    return (
        f"{_percent(score.short / score.ended)} of the times it fired lately it resolved by itself within ten minutes"
    )


_SAID: dict[str, Callable[[Score], str]] = {
    "template": lambda score: f"alerts of its kind began {_times(score.template_begun)} {_span(score)}",
    "alert": lambda score: f"the alert itself began {_times(score.alert_begun)} {_span(score)}",
    "event": lambda score: "its source sends events, few of which anybody has to act on",
    "place": lambda score: _more(score.terms["place"], "where it is"),
    "scope": lambda score: _more(score.terms["scope"], "around it"),
    "rhythm": lambda score: _timing(score.terms["rhythm"]),
    "hour": lambda score: (
        "its kind hardly ever comes at this time of day"
        if score.terms["hour"] > 0
        else "its kind usually comes at this time of day"
    ),
    "judged": lambda score: (
        "people said that somebody had to act on its kind"
        if score.terms["judged"] > 0
        else "people said that nobody had to act on its kind"
    ),
    "self_resolved": _gone,
    "severity": lambda score: (
        "its source claims that it is " + ("serious" if score.terms["severity"] > 0 else "for information only")
    ),
    "tier": lambda score: "its tier",
    "flaps": lambda score: "it changes often of late",
    "runbook": lambda score: "it has a runbook",
    "change": lambda score: "something it is about was changed just before",
}

_PARTS = {
    "usual": "what people say of alerts of which nothing is known",
    "lean": "what people said of its kind",
    "trees": "what several of its numbers say together",
    "calibration": "how often the model was right",
    "prior": "the score without what people said",
    "template_begun": "how often alerts of its kind begin",
    "alert_begun": "how often the alert itself begins",
    "watched_days": "how long its scope has been watched",
    "ended": "how often it ended before",
    "short": "how often it was over within ten minutes",
}
