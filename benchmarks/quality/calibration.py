"""Is a score of .7 right seven times in ten? Reliability of scores on operations scenes that days came before."""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from benchmarks.quality.judged import PRODUCT, Told, grouped
from benchmarks.quality.scenes.alerts import BACKGROUND
from benchmarks.quality.scenes.scene import play
from benchmarks.quality.stream import Floats
from benchmarks.report import Report, Row, Table

DAYS = 3  # of background, so that it is known what is usual
BINS = 10
LOW = 0.1  # below it lies nearly all of the noise, which flatters every figure
COLUMNS = ("scores", "beginnings", "mean score", "true")
SUMMARY = ("of", "beginnings", "expected calibration error", "Brier score")


def measure(seeds: Sequence[int], policy: Path | None, *, jobs: int) -> Report:
    """Compare the score of every alert that begins with whether it is of a storm. Raises Fault."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        found = np.concatenate(list(pool.map(partial(_scores, policy=policy), seeds)))
    scores, truth = found[:, 0], found[:, 1]
    report = Report("calibration: operations scenes")
    high = scores > LOW
    rows: list[Row] = [
        ("all", len(scores), expected_error(scores, truth), brier(scores, truth)),
        (f"scores above {LOW}", int(high.sum()), *(f(scores[high], truth[high]) for f in (expected_error, brier))),
    ]
    report.tables.append(Table(f"{len(seeds)} scenes, {DAYS} days of background before each", SUMMARY, rows))
    report.tables.append(Table("Reliability", COLUMNS, list(reliability(scores, truth))))
    report.notes.append(
        "A beginning is an alert that begins to fire in the eight hours of the scene; true is one that a storm caused. "
        "Nobody labelled anything: the score is that of the prior."
    )
    return report


def expected_error(scores: Floats, truth: Floats) -> float:
    """The mean over ten bins of |mean score - share that is true|, weighted by their size (Naeini et al., 2015)."""
    bins = _bins(scores)
    size = np.bincount(bins, minlength=BINS)
    off = np.bincount(bins, scores, BINS) - np.bincount(bins, truth, BINS)
    return float(np.abs(off).sum() / max(1, size.sum()))


def brier(scores: Floats, truth: Floats) -> float:
    """The mean squared difference (Brier, 1950)."""
    return float(np.mean((scores - truth) ** 2)) if len(scores) else 0.0


def reliability(scores: Floats, truth: Floats) -> list[Row]:
    """Bin by bin."""
    bins = _bins(scores)
    rows: list[Row] = []
    for one in range(BINS):
        inside = bins == one
        if inside.any():
            name = f"{one / BINS:.1f} to {(one + 1) / BINS:.1f}"
            rows.append((name, int(inside.sum()), float(scores[inside].mean()), float(truth[inside].mean())))
    return rows


def _bins(scores: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = np.minimum((scores * BINS).astype(np.int64), BINS - 1)
    return found


def _scores(seed: int, policy: Path | None) -> Floats:
    """(score, whether it is of a storm) of every beginning in the scene itself."""
    scene = play(seed, DAYS)
    told = grouped(scene, (PRODUCT,), policy)[PRODUCT]
    assert isinstance(told, Told)  # what the product made of it
    begun = [
        (decision["score"], event.firing.storm != BACKGROUND)
        for event, decision in zip(scene, told.decisions, strict=True)
        if "scored" in decision and event.at_s >= DAYS * 86_400
    ]
    return np.array(begun, np.float64)
