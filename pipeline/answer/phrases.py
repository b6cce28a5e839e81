"""The phrases of which answers are made: what an alert is called, and why it joined what it joined."""

from collections.abc import Iterable, Iterator, Mapping

from pipeline.answer.named import Named
from pipeline.core.actionability.words import said as terms_said
from pipeline.core.cause import lasting
from schemas import Cause, Score, Why

_WIDTH = 10  # of what stands before the lines of a section
_SHORT = 13  # characters of an id where another incident is only mentioned


def why_in_words(why: Why) -> str:
    """What spoke for the incident: `2 s after it last grew; 71 % alike: node=n7 (31 %), pod (12 %)`."""
    said = ["it was in it before"] if why.is_home else []
    said.append(f"{lasting(why.since_ms)} after it last grew" if why.since_ms else "at once with what came before")
    shared = ", ".join(f"{one.token} ({_percent(one.weight)})" for one in why.shared)
    if why.surge is not None:
        said.append(f"far more than usual of {why.surge} begin")
    elif shared or not why.is_home:
        said.append(f"{_percent(why.likeness)} alike" + (f": {shared}" if shared else ""))
    if why.runner_up is not None:
        share = "" if why.runner_up_share is None else f" ({_percent(why.runner_up_share)} as good)"
        said.append(f"next likeliest {short(why.runner_up)}{share}")
    return "; ".join(said)


def score_in_words(score: float, scored: Score | None) -> str:
    """How likely it is that somebody has to act, and why: `score .003: alerts of its kind began … (-3.19)`."""
    why = "; ".join(terms_said(scored)) if scored is not None else ""
    return f"score {score:.3f}" + (f": {why}" if why else "")


def short(incident_id: str) -> str:
    """Enough of an id to ask for it."""
    return incident_id if len(incident_id) <= _SHORT else f"{incident_id[:_SHORT]}…"


def section(title: str, said: Iterable[str]) -> Iterator[str]:
    """Lines under one title, which stands before the first of them."""
    for number, line in enumerate(said):
        yield f"{title if number == 0 else '':<{_WIDTH}}{line}"


def labelled(alert: Named) -> str:
    """An alert with all its labels: `DiskFull{host=a, job=node}`."""
    return f"{alert.name}{{{', '.join(f'{label}={value}' for label, value in alert.labels.items())}}}"


def called(fingerprint: str, names: Mapping[str, Named]) -> str:
    """What to call an alert: `DiskFull on a`; its fingerprint where nothing else is known."""
    return str(names.get(fingerprint, fingerprint))


def accused(cause: Cause, names: Mapping[str, Named]) -> str:
    """What to call a likely cause: `DiskFull on a (device=sdb1)` where others would read alike."""
    said = f"{cause.name} on {cause.subject}" if cause.subject else cause.name
    apart = names[cause.fingerprint].apart if cause.fingerprint in names else ""
    return f"{said} ({apart})" if apart else said


def with_id(fingerprint: str, names: Mapping[str, Named]) -> str:
    """The same, and how to ask for it."""
    return f"{names[fingerprint]} [{fingerprint}]" if fingerprint in names else fingerprint


def _percent(share: float) -> str:
    return f"{round(share * 100)} %"
