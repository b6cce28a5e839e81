"""How good scores are on examples that they were not learned from: how they rank, what is lost, how right they are.

An incident is lost where so much of the noise is kept quiet, the lowest scores first, that none of its beginnings is
left. Ties count against the scores: of equals, noise is kept first.
"""

import numpy as np

from models.examples import Examples, Reals

SHARES = (0.90, 0.99)
BINS = 10
TOP = 20
LOW = 0.1  # below it lies nearly all noise, which flatters calibration


def figures_of(scores: Reals, examples: Examples) -> dict[str, float]:
    """The figures, by name. Of examples among which nothing is true there is nothing to lose, and no precision."""
    order = np.lexsort((examples.is_true, -scores))
    truth, incident = examples.is_true[order], examples.incident[order]
    true_incidents = np.unique(incident[truth])
    found = {
        "beginnings": float(len(scores)),
        "true_beginnings": float(truth.sum()),
        "true_incidents": float(len(true_incidents)),
    } | calibration_of(scores, examples)
    if not truth.any():
        return found
    precision = np.cumsum(truth) / np.arange(1, len(truth) + 1)
    found |= {"ap": float(precision[truth].mean()), f"precision_at_{TOP}": float(truth[:TOP].mean())}
    noise = np.cumsum(~truth)
    for share in SHARES:
        kept = int(np.searchsorted(noise, (1 - share) * noise[-1])) if noise[-1] else len(truth)
        left = np.unique(incident[:kept][truth[:kept]])
        found[f"lost_at_{round(100 * share)}"] = float(len(true_incidents) - len(left))
    return found


def calibration_of(scores: Reals, examples: Examples) -> dict[str, float]:
    """Brier score, and expected calibration error over all and where the score is not low, weighted."""
    truth, weight = examples.is_true, examples.weight
    high = scores > LOW
    return {
        "brier": float(np.average((scores - truth) ** 2, weights=weight)),
        "calibration_error": _expected_error(scores, examples),
        "calibration_error_high": _expected_error(scores[high], examples.of(high)) if high.any() else 0.0,
    }


def reliability(scores: Reals, examples: Examples) -> list[tuple[float, float, float, float]]:
    """A row for each tenth that has any: where it begins, how many (weighted), their mean score, the share of true."""
    bins = _bins(scores)
    rows = []
    for one in np.unique(bins).tolist():
        mine, weight = bins == one, examples.weight[bins == one]
        said, true = np.average(scores[mine], weights=weight), np.average(examples.is_true[mine], weights=weight)
        rows.append((one / BINS, float(weight.sum()), float(said), float(true)))
    return rows


def _expected_error(scores: Reals, examples: Examples) -> float:
    rows = reliability(scores, examples)
    return float(sum(size * abs(said - true) for _, size, said, true in rows) / sum(row[1] for row in rows))


def _bins(scores: Reals) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.minimum((scores * BINS).astype(np.int64), BINS - 1)
