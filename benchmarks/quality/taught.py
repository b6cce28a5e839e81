"""Is a learned score better than the prior? Taught with the truth of other networks, or with 30 marks of the same."""

import statistics
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import orjson

from benchmarks.quality.ait import ARRANGEMENTS, NETWORKS, converted
from benchmarks.quality.product import replay_into
from benchmarks.quality.score import DAY_S, SESSION_S, actionability, sessions
from benchmarks.quality.stream import NOISE, Floats, Ints, Stream, read_stream
from benchmarks.report import Report, Row, Table
from models.evaluation import figures_of
from models.examples import Examples
from models.scorer import Scorer
from models.teaching import sigmoid, teach
from pipeline.command.learning import HistoryReader
from pipeline.core.actionability.features import FEATURES, features_of
from pipeline.core.policy import Policy
from pipeline.errors import Fault, Misuse

MARKS = 30
COLUMNS = (
    "taught with, scored by",
    "AP",
    "worst stream",
    "lost at 90 %",
    "at 99 %",
    "of",
    "Brier",
    "ECE",
    "ECE, p > .1",
)


class Known(NamedTuple):
    """One stream: a row for the first event of each session, in time, with what is true of that."""

    stream: Stream
    examples: Examples
    line: Ints  # which event of the stream each row is
    is_judged: np.ndarray[tuple[int], np.dtype[np.bool_]]  # after the first day, when scores mean something


def measure(networks: Sequence[str], *, cache: Path, jobs: int) -> Report:
    """Teach and compare. Raises Missing, Misuse and Fault."""
    if unknown := set(networks) - set(NETWORKS):
        raise Misuse(f"no network {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    if len(networks) < 2:
        raise Misuse("--network: one is left out, so there must be two at least")
    names = list(product(ARRANGEMENTS, networks))
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        known = dict(zip(names, pool.map(partial(_known, cache=cache), names), strict=True))
    report = Report("taught: ait-ads-a, intrusion alerts, not operations")
    methods, rows = [], list[Row]()
    prior = {name: _prior(one) for name, one in known.items()}
    rows.append(_row("nothing: the prior", known, prior))
    by_model, nameless = dict[tuple[str, str], Floats](), dict[tuple[str, str], Floats]()
    for network in networks:
        others = [one for (_, other), one in known.items() if other != network]
        taught = teach(_all([one.examples.of(one.is_judged) for one in others]), 0)
        methods.append(f"{network} {taught.method}")
        blind = Scorer(taught.scorer.arrays._replace(keys=np.zeros(0, np.uint64), lean=np.zeros(0)))
        for name in (one for one in names if one[1] == network):
            by_model[name], nameless[name] = _asked(taught.scorer, known[name]), _asked(blind, known[name])
    rows += [
        _row("all of other networks: the model alone", known, by_model),
        _row("all of other networks: the higher of both", known, _higher(by_model, prior)),
        _row("likewise, but no kind of alert by its name", known, _higher(nameless, prior)),
    ]
    by_marks, rest, true = dict[tuple[str, str], Floats](), dict[tuple[str, str], Known](), []
    for name, one in known.items():
        marked = _first_paged(one, prior[name])
        true.append(int(one.examples.is_true[marked].sum()))
        by_marks[name] = _asked(teach(one.examples.of(marked), 0).scorer, one)
        is_later = one.is_judged & (np.arange(len(one.line)) > marked[-1])
        rest[name] = one._replace(is_judged=is_later)
    rows += [
        _row(f"nothing, after the first {MARKS} pages", rest, prior),
        _row(f"the first {MARKS} pages of the same: the model alone", rest, by_marks),
        _row(f"the first {MARKS} pages of the same: the higher of both", rest, _higher(by_marks, prior)),
    ]
    report.tables.append(Table("Mean over streams; incidents lost are counted together", COLUMNS, rows))
    report.notes += [
        f"Chosen on a later time: {', '.join(methods)}. Of the first {MARKS} pages {', '.join(map(str, true))} were of "
        "an attack. All networks were attacked with one script, so others know its kinds of alerts by name.",
    ]
    return report


def _row(name: str, known: dict[tuple[str, str], Known], scores: dict[tuple[str, str], Floats]) -> Row:
    found, lost, of = [], np.zeros(2), 0.0
    for stream, one in known.items():
        said = np.full(len(one.stream.at_s), -1.0)
        said[one.line] = np.where(one.is_judged, scores[stream], -1.0)
        examples = one.examples.of(one.is_judged)
        figures = figures_of(scores[stream][one.is_judged], examples)
        if not figures["true_beginnings"]:
            continue
        found.append(figures | {"ap": _ap(one, said) if one.is_judged.sum() == _late(one) else figures["ap"]})
        lost += (figures["lost_at_90"], figures["lost_at_99"])
        of += figures["true_incidents"]
    ap = [one["ap"] for one in found]
    means = [
        statistics.mean(one[figure] for one in found)
        for figure in ("brier", "calibration_error", "calibration_error_high")
    ]
    return (name, statistics.mean(ap), min(ap), *map(int, lost), int(of), *means)


def _ap(one: Known, said: Floats) -> float:
    """As score_decisions.py says it."""
    return float(actionability(one.stream, said)["ap"])


def _late(one: Known) -> int:
    return int((one.stream.at_s[one.line] >= _second_day_s(one.stream)).sum())


def _second_day_s(stream: Stream) -> float:
    return float(stream.at_s[0] // DAY_S * DAY_S + DAY_S)


def _prior(one: Known) -> Floats:
    return sigmoid(one.examples.features[:, 0])


def _asked(scorer: Scorer, one: Known) -> Floats:
    return scorer.probabilities(one.examples.features, one.examples.template)


def _higher(one: dict[tuple[str, str], Floats], other: dict[tuple[str, str], Floats]) -> dict[tuple[str, str], Floats]:
    return {name: np.maximum(scores, other[name]) for name, scores in one.items()}


def _first_paged(one: Known, prior: Floats) -> Ints:
    """What a person is shown first, when the first day is over, and marks."""
    return np.flatnonzero(one.is_judged & (prior >= Policy().page_above))[:MARKS]


def _all(several: list[Examples]) -> Examples:
    """Together; incidents of different streams are different."""
    shifted = list[Examples]()
    for one in several:
        most = 0 if not shifted else int(shifted[-1].incident.max()) + 1
        shifted.append(one._replace(incident=one.incident + most))
    features, template, at_ms, is_true, weight, incident = zip(*shifted, strict=True)
    together = np.concatenate
    return Examples(
        together(features), together(template), together(at_ms), together(is_true), together(weight), together(incident)
    )


def _known(name: tuple[str, str], *, cache: Path) -> Known:
    """Replay a stream, and lay the truth beside the scores. Raises Fault where a session begins without a score."""
    base = converted("_".join(name), cache)
    events = base.with_suffix(".ndjson")
    stream = read_stream(events, base.with_suffix(".truth.csv"))
    session = sessions(stream.keys(), stream.at_s, SESSION_S)
    first = np.sort(np.unique(session, return_index=True)[1])
    with ExitStack() as opened:
        scratch = opened.enter_context(tempfile.TemporaryDirectory(prefix="pagesieve-quality-"))
        files = replay_into(Path(scratch), events, None, ("decisions",))
        lines = opened.enter_context(files["decisions"].open("rb"))
        begun = {one["line"] - 1: one for one in map(orjson.loads, (line for line in lines if b'"scored":' in line))}
    late = stream.at_s[first] >= _second_day_s(stream)
    if missing := set(first[late].tolist()) - set(begun):
        raise Fault(f"{events}: {len(missing)} sessions begin without a score")
    rows = [nth for nth in first.tolist() if nth in begun]
    reader = HistoryReader("canonical", Policy())
    with events.open("rb") as recorded:
        reader.read(line for nth, line in enumerate(recorded) if nth in begun)
    line = np.array(rows, np.int64)
    incident = _incidents(stream, session)[session[line]]
    scored = [begun[nth]["scored"] for nth in rows]
    features = [
        features_of(s["terms"], (s["template_begun"], s["alert_begun"]), s["watched_ms"], (s["ended"], s["short"]))
        for s in scored
    ]
    examples = Examples(
        np.array(features, np.float64).reshape(len(rows), len(FEATURES)),
        np.array([reader.template_by_fingerprint[begun[nth]["fingerprint"]] for nth in rows], np.uint64),
        (stream.at_s[line] * 1000).astype(np.int64),
        incident != NOISE,
        np.ones(len(rows)),
        np.where(incident == NOISE, len(stream.incidents) + np.arange(len(rows)), incident),
    )
    return Known(stream, examples, line, stream.at_s[line] >= _second_day_s(stream))


def _incidents(stream: Stream, session: Ints) -> Ints:
    """Of each session the first incident that anything in it belongs to, or NOISE."""
    found = np.full(int(session.max()) + 1, NOISE, np.int64)
    for nth in np.flatnonzero(stream.incident != NOISE)[::-1].tolist():
        found[session[nth]] = stream.incident[nth]
    return found
