"""How right a grouping is: the figures of ../shared/tools/score_decisions.py, on arrays (a test compares the two)."""

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from benchmarks.quality.stream import NOISE, Floats, Ints, Stream, Verdicts

UNIT_S = 60  # B-cubed: a run of one thing in one incident without such a gap counts once, however long
SESSION_S = 300  # actionability: likewise
DAY_S = 86400


class Grouping(NamedTuple):
    """The scorer's figures on grouping. Noise stays in every denominator."""

    events: int
    groups: int
    reduction: float
    macro_f1: float
    b3_f: float
    b3_p: float
    b3_r: float
    incidents: int
    groups_per_incident: float
    mixed_groups: int
    macro_f1_by_step: dict[str, float]


def score(stream: Stream, verdicts: Verdicts) -> dict[str, Any]:
    """All that score_decisions.py says of decisions, under its names."""
    found: dict[str, Any] = grouping(stream, verdicts.group)._asdict()
    if verdicts.score is not None:
        found["actionability"] = actionability(stream, verdicts.score)
    return found


def grouping(stream: Stream, group: Ints) -> Grouping:
    """Score groups, given as one number an event, against the true incidents, of which there must be some."""
    both = _together(stream.incident, group)
    same = np.bincount(both.incident, weights=both.events**2)
    held = np.bincount(both.incident, weights=both.events * np.bincount(group)[both.group])
    size = np.bincount(both.incident, weights=both.events)
    by_step = _by_step(stream.steps, [_f1(p, r) for p, r in zip(same / held, same / size**2, strict=True)])
    b3_p, b3_r = _b_cubed(stream, group)
    groups = len(np.unique(group))
    return Grouping(
        events=len(group),
        groups=groups,
        reduction=1 - groups / len(group),
        macro_f1=float(np.mean(list(by_step.values()))),
        b3_f=_f1(b3_p, b3_r),
        b3_p=b3_p,
        b3_r=b3_r,
        incidents=len(stream.incidents),
        groups_per_incident=len(both.events) / len(stream.incidents),
        mixed_groups=int((np.bincount(both.group) > 1).sum()),
        macro_f1_by_step={step: round(value, 3) for step, value in by_step.items()},
    )


def untold(stream: Stream, verdicts: Verdicts) -> int:
    """True incidents of which no group was paged: what a reduction missed, to stand beside it."""
    if verdicts.paged is None:  # a simple method pages once a group
        return 0
    is_true = stream.incident != NOISE
    told = np.unique(verdicts.group[verdicts.paged])
    heard = np.unique(stream.incident[is_true & np.isin(verdicts.group, told)])
    return len(stream.incidents) - len(heard)


class _Together(NamedTuple):
    """How many events an incident and a group share, for every two that share any."""

    incident: Ints
    group: Ints
    events: Ints


def _together(incident: Ints, group: Ints) -> _Together:
    is_true = incident != NOISE
    width = int(group.max()) + 1
    pairs, events = np.unique(incident[is_true] * width + group[is_true], return_counts=True)
    return _Together(pairs // width, pairs % width, events)


def _by_step(steps: list[str], f1: list[float]) -> dict[str, float]:
    """Averaged over instances, then over the steps of one kind, so that what happened often does not decide alone."""
    instances: dict[str, list[float]] = defaultdict(list)
    for step, value in zip(steps, f1, strict=True):
        instances[step.rstrip(".")].append(value)
    kinds: dict[str, list[float]] = defaultdict(list)
    for step, values in instances.items():
        kinds[step.split(".")[0]].append(float(np.mean(values)))
    return {kind: float(np.mean(values)) for kind, values in kinds.items()}


def _b_cubed(stream: Stream, group: Ints) -> tuple[float, float]:
    first = _firsts(sessions(stream.keys() * (len(stream.incidents) + 1) + stream.incident + 1, stream.at_s, UNIT_S))
    both = _together(stream.incident[first], group[first])
    in_group, in_incident = np.bincount(group[first]), np.bincount(both.incident, weights=both.events)
    total = both.events.sum()
    precision = (both.events**2 / in_group[both.group]).sum() / total
    recall = (both.events**2 / in_incident[both.incident]).sum() / total
    return float(precision), float(recall)


def sessions(key: Ints, at_s: Floats, gap_s: float) -> Ints:
    """For each event the number of its session: a run of one key, in the order of the stream, without a longer gap."""
    order = np.argsort(key, kind="stable")
    begins = np.ones(len(key), dtype=np.bool_)
    begins[1:] = (np.diff(key[order]) != 0) | (np.diff(at_s[order]) > gap_s)
    session = np.empty(len(key), dtype=np.int64)
    session[order] = np.cumsum(begins) - 1
    return session


def _firsts(session: Ints) -> Ints:
    """The first event of each session, in the order of the stream."""
    return np.sort(np.unique(session, return_index=True)[1])


def actionability(stream: Stream, scores: Floats) -> dict[str, float]:
    """How well scores tell true sessions from noise, by the first event of each that starts after the first day."""
    session = sessions(stream.keys(), stream.at_s, SESSION_S)
    first = _firsts(session)
    first = first[stream.at_s[first] >= stream.at_s[0] // DAY_S * DAY_S + DAY_S]
    truths = [set[int]() for _ in range(int(session.max()) + 1)]
    is_true = stream.incident != NOISE
    for one, incident in np.unique(np.stack([session[is_true], stream.incident[is_true]], axis=1), axis=0):
        truths[one].add(int(incident))
    first = first[np.lexsort((stream.at_s[first], -scores[first]))]
    of = [truths[one] for one in session[first]]
    y = np.array([bool(incidents) for incidents in of], dtype=np.bool_)
    if not y.any():
        return {}
    precision = np.cumsum(y) / np.arange(1, len(y) + 1)
    found: dict[str, float] = {
        "sessions": len(y),
        "true_sessions": int(y.sum()),
        "ap": float(precision[y].sum() / y.sum()),
        "p_at_20": float(y[:20].mean()),
    }
    return found | {f"incidents_lost_at_{int(share * 100)}": _lost(y, of, share) for share in (0.90, 0.99)}


def _lost(y: npt.NDArray[np.bool_], of: list[set[int]], share: float) -> float:
    """The share of the incidents of which nothing is left when that share of the noise is suppressed, lowest first."""
    noise = np.cumsum(~y)
    kept = int(np.searchsorted(noise, (1 - share) * noise[-1]))
    return 1 - len(set[int]().union(*of[:kept])) / len(set[int]().union(*of))


def _f1(precision: float, recall: float) -> float:
    return float(2 * precision * recall / (precision + recall)) if precision + recall else 0.0
