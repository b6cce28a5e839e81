"""Intrusion alerts of six networks (AIT-ADS-A), with attacks apart and overlapping: security, not operations."""

import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from benchmarks.programs import done
from benchmarks.quality.baselines import METHODS
from benchmarks.quality.judged import PRODUCT
from benchmarks.quality.product import replayed
from benchmarks.quality.score import Grouping, actionability, grouping, untold
from benchmarks.quality.stream import Verdicts, read_stream
from benchmarks.replay import DATA
from benchmarks.report import Report, Row, Table
from pipeline.errors import Missing, Misuse

NETWORKS = ("train_0", "train_1", "train_2", "train_3", "val_0", "val_1")
ARRANGEMENTS = {"original": "apart", "simul-attacks": "overlapping"}
FIGURES = ("macro_f1", "b3_f", "reduction", "groups_per_incident")


class Task(NamedTuple):
    """One network in one arrangement, with what is to be scored on it."""

    arrangement: str
    network: str
    methods: tuple[str, ...]
    policy: Path | None
    cache: Path


class Found(NamedTuple):
    """How each method did on it."""

    task: Task
    groupings: dict[str, Grouping]
    untold: dict[str, int]  # true incidents of which no page told
    actionable: dict[str, float]  # of the product's scores, where it gave any; empty where it was not asked
    took_s: float  # by the product; 0 where it was not asked


def measure(networks: Sequence[str], methods: Sequence[str], policy: Path | None, *, cache: Path, jobs: int) -> Report:
    """Score every method on every network. Raises Missing, Misuse and Fault."""
    if unknown := set(networks) - set(NETWORKS):
        raise Misuse(f"no network {', '.join(sorted(unknown))}; there are {', '.join(NETWORKS)}")
    tasks = [Task(one, net, tuple(methods), policy, cache) for net, one in product(networks, ARRANGEMENTS)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = list(pool.map(_scored, tasks))
    report = Report("ait-ads-a: intrusion alerts, not operations")
    report.tables.append(Table("Mean over networks, apart / overlapping", _SUMMARY, _summary(found, methods)))
    for (arrangement, word), figure in product(ARRANGEMENTS.items(), FIGURES[:2]):
        rows = _rows([one for one in found if one.task.arrangement == arrangement], methods, figure)
        columns = (figure, *networks, "mean", "spread")
        report.tables.append(Table(f"{figure}, attacks {word}", columns, rows))
    if any(one.actionable for one in found):
        report.tables.append(
            Table("Actionability: first events of sessions after the first day", _SCORED, _scored_rows(found))
        )
    took_s = {f"{one.task.arrangement}_{one.task.network}": one.took_s for one in found if one.took_s}
    if took_s:
        each = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in took_s.items())
        report.notes.append(f"Spread is the standard deviation over networks. pagesieve took {each}.")
    return report


_SUMMARY = ("method", "macro F1", "B³ F", "reduction", "missed", "groups per incident", "mixed groups")


def _summary(found: list[Found], methods: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    for method in methods:
        macro, b3, reduction, *others = (_both(found, method, figure) for figure in (*FIGURES, "mixed_groups"))
        rows.append((method, macro, b3, reduction, _missed(found, method), *others))
    return rows


def _missed(found: list[Found], method: str) -> str:
    """True incidents of which no page told, of all, by arrangement."""
    said = []
    for arrangement in ARRANGEMENTS:
        some = [one for one in found if one.task.arrangement == arrangement]
        whole = sum(one.groupings[method].incidents for one in some)
        said.append(f"{sum(one.untold[method] for one in some)} of {whole}")
    return " / ".join(said)


def _both(found: list[Found], method: str, figure: str) -> str:
    means = [
        statistics.mean(_figure(one, method, figure) for one in found if one.task.arrangement == arrangement)
        for arrangement in ARRANGEMENTS
    ]
    return " / ".join(f"{mean:.3f}" for mean in means)


_SCORED = ("stream", "sessions", "true", "AP", "P@20", "incidents lost at 90 % of noise quiet", "at 99 %")
_ACTIONABLE = ("sessions", "true_sessions", "ap", "p_at_20", "incidents_lost_at_90", "incidents_lost_at_99")


def _scored_rows(found: list[Found]) -> list[Row]:
    scored = [one for one in found if one.actionable]
    rows: list[Row] = [
        (f"{one.task.network}, {ARRANGEMENTS[one.task.arrangement]}", *map(one.actionable.__getitem__, _ACTIONABLE))
        for one in scored
    ]
    means = [statistics.mean(one.actionable[figure] for one in scored) for figure in _ACTIONABLE]
    return [*rows, ("mean", *means)]


def _rows(found: list[Found], methods: Sequence[str], figure: str) -> list[Row]:
    rows: list[Row] = []
    for method in methods:
        values = [_figure(one, method, figure) for one in found]
        rows.append((method, *values, statistics.mean(values), statistics.pstdev(values)))
    return rows


def _figure(found: Found, method: str, figure: str) -> float:
    return float(getattr(found.groupings[method], figure))


def _scored(task: Task) -> Found:
    base = converted(f"{task.arrangement}_{task.network}", task.cache)
    events = base.with_suffix(".ndjson")
    stream = read_stream(events, base.with_suffix(".truth.csv"))
    groupings, missed, actionable, took_s = {}, {}, dict[str, float](), 0.0
    for method in task.methods:
        if method == PRODUCT:
            run = replayed(events, stream, task.policy)
            verdicts, took_s = run.verdicts, run.took_s
            if verdicts.score is not None:
                actionable = actionability(stream, verdicts.score)
        else:
            verdicts = Verdicts(METHODS[method](stream))
        groupings[method] = grouping(stream, verdicts.group)
        missed[method] = untold(stream, verdicts)
    return Found(task, groupings, missed, actionable, took_s)


def converted(name: str, cache: Path) -> Path:
    """Where the canonical events of a stored set are, without suffix; made once and kept. Raises Missing."""
    packed = DATA / "ait-ads-a" / f"{name}.csv.gz"
    if not packed.exists():
        raise Missing(f"{packed} is not here: real alerts that are not part of the project")
    cache.mkdir(parents=True, exist_ok=True)
    base = cache / name
    if not base.with_suffix(".truth.csv").exists():
        unfinished = cache / f"unfinished-{name}"
        done([sys.executable, str(DATA / "convert.py"), str(packed), str(unfinished)])
        for suffix in (".ndjson", ".truth.csv"):  # the truth last: where it is, all is there
            unfinished.with_suffix(suffix).replace(base.with_suffix(suffix))
    return base
