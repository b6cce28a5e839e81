"""Judged beginnings: history goes through the same core once more, and what people said is laid beside it.

Incidents have the ids that they had, since those are derived from the log: what was said of one finds it again, as long
as scope, grouping and the model of clusters are those of then. What finds nothing is counted.
"""

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson

from models.examples import Examples
from models.verdicts import UNTOUCHED, Judgement, judge
from pipeline.command.recorded import with_progress
from pipeline.core.actionability.features import FEATURES, features_of
from pipeline.core.learned import Learned
from pipeline.core.policy import Policy
from pipeline.errors import Misuse, Rejected
from pipeline.replay import Outputs, replay
from pipeline.sources.outcomes import read_outcomes
from schemas import Outcome, Reason

_SCORED = b'"scored":'
_ENDS = tuple(f'"reason":"{reason.value}"'.encode() for reason in (Reason.RESOLVED, Reason.TRANSIENT, Reason.FLAPPING))
_FOR_EVER_MS = 253_402_300_799_999


class Said(NamedTuple):
    """What people said, by incident, and in which time they could."""

    outcomes: dict[str, list[Outcome]]
    first_ms: int
    last_ms: int


class Rules(NamedTuple):
    """How history is decided again."""

    source: str
    policy: Policy
    learned: Learned


class Judged(NamedTuple):
    """Beginnings with what was said of them, and how many incidents that were spoken of are not in the history."""

    examples: Examples
    unmatched: int


def read_said(files: Sequence[Path]) -> Said:
    """Outcomes, one a line: as they stand on the topic, or as they are posted. Raises Misuse, naming file and line."""
    outcomes, times = defaultdict[str, list[Outcome]](list), []
    for path in files:
        try:
            lines = path.read_bytes().splitlines()
        except OSError as exc:
            raise Misuse(f"{path}: {exc.strerror or exc}") from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            for outcome in _outcomes_in(line, f"{path}: line {number}"):
                outcomes[outcome.incident_id].append(outcome)
                times.append(outcome.at_ms)
    if not times:
        raise Misuse(f"{files[0]}: nobody says anything in it")
    return Said(dict(outcomes), min(times), max(times))


def _outcomes_in(line: bytes, where: str) -> list[Outcome]:
    try:
        if b'"at_ms"' in line:
            return [Outcome.model_validate_json(line)]
        found = read_outcomes(line, _FOR_EVER_MS, "file")
    except (Rejected, ValueError) as exc:
        said = str(exc).partition("\n")[0]
        raise Misuse(f"{where}: no outcome: {said}") from None
    if any(outcome.at_ms == _FOR_EVER_MS for outcome in found):
        raise Misuse(f"{where}: says no time: `at`, or at_ms")
    return found


def judged(files: Sequence[Path], rules: Rules, said: Said, templates: dict[str, int]) -> Judged:
    """The beginnings of `files`, each a history of its own; `templates` by fingerprint. Raises Misuse."""
    rows: list[tuple[Any, ...]] = []
    unmatched = set(said.outcomes)
    for nth, path in enumerate(files):
        decisions, ended, into = _replayed(path, rules)
        outcomes = defaultdict[str, list[Outcome]](list)
        for incident_id, several in said.outcomes.items():
            outcomes[_final(incident_id, into)] += several
        known = {decision["incident_id"] for decision in decisions}
        unmatched -= {one for one in said.outcomes if _final(one, into) in known}
        judgements = {incident_id: judge(several) for incident_id, several in outcomes.items()}
        for decision in decisions:
            unsaid = _untouched(decision, said, ended)
            judgement = judgements.get(decision["incident_id"], unsaid)
            row = _row(decision, judgement, rules.policy.guardrails.watched_ms)
            if row is not None:
                rows.append((*row, templates[decision["fingerprint"]], (nth, decision["incident_id"])))
    return Judged(_columns(rows), len(unmatched))


def _replayed(path: Path, rules: Rules) -> tuple[list[dict[str, Any]], set[str], dict[str, str]]:
    """Decisions on beginnings, incidents of which something said that it is over, and which goes on for which.

    Raises Misuse.
    """
    with ExitStack() as opened:
        try:
            raw = opened.enter_context(path.open("rb", buffering=0))
        except OSError as exc:
            raise Misuse(f"{path}: {exc.strerror or exc}") from None
        decisions, incidents = (opened.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        lines = with_progress(raw, path, opened)
        replay(lines, rules.source, rules.policy, Outputs(decisions, incidents), rules.learned)
        decisions.seek(0)
        incidents.seek(0)
        merged = (orjson.loads(line) for line in incidents if b'"merged_into":"' in line)
        into = {one["incident_id"]: one["merged_into"] for one in merged}
        begun, ended = [], set()
        for line in decisions:
            if _SCORED in line:
                begun.append(orjson.loads(line))
            elif any(reason in line for reason in _ENDS):
                ended.add(orjson.loads(line)["incident_id"])
        return begun, ended, into


def _final(incident_id: str, into: dict[str, str]) -> str:
    while incident_id in into:
        incident_id = into[incident_id]
    return incident_id


def _untouched(decision: dict[str, Any], said: Said, ended: set[str]) -> Judgement | None:
    """What it says that nobody said anything: weak evidence, where they could have, and it ended by itself.

    Of what is never said to be over, as of log-like events, that nothing more came is all there is to know.
    """
    is_over = decision["incident_id"] in ended or "event" in decision["scored"]["terms"]
    return UNTOUCHED if is_over and said.first_ms <= _ms(decision["at"]) <= said.last_ms else None


def _row(decision: dict[str, Any], judgement: Judgement | None, watched_ms: int) -> tuple[Any, ...] | None:
    """Of a beginning whose score counts, and of which something is known."""
    scored = decision["scored"]
    if scored["watched_ms"] < watched_ms or judgement is None:
        return None
    begun, ends = (scored["template_begun"], scored["alert_begun"]), (scored["ended"], scored["short"])
    return features_of(scored["terms"], begun, scored["watched_ms"], ends), _ms(decision["at"]), *judgement


def _ms(at: str) -> int:
    return round(datetime.fromisoformat(at).timestamp() * 1000)


def _columns(rows: Iterable[tuple[Any, ...]]) -> Examples:
    """What is said of an incident is said once: its alerts share the weight, up to what three of them would have."""
    rows = list(rows)
    incidents = {key: nth for nth, key in enumerate(dict.fromkeys(row[5] for row in rows))}
    incident = np.array([incidents[row[5]] for row in rows], np.int64)
    size = np.bincount(incident, minlength=1)[incident] if rows else np.zeros(0)
    return Examples(
        np.array([row[0] for row in rows], np.float64).reshape(len(rows), len(FEATURES)),
        np.array([row[4] for row in rows], np.uint64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.bool_),
        np.array([row[3] for row in rows], np.float64) * np.minimum(1.0, 3.0 / np.maximum(size, 1)),
        incident,
    )
