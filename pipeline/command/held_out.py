"""What models are worth on a later time is told by `train`, `evaluate` and `models show` in one table."""

from collections.abc import Iterator, Mapping

from pipeline.command.promotion import LOST

NOVELTY = "novelty"
CALIBRATION = ("brier", "calibration_error", "calibration_error_high")
_COLUMNS = {
    "AP": ("ap", 8),
    "P@20": ("precision_at_20", 8),
    "lost@90": (LOST[0], 9),
    "lost@99": (LOST[1], 9),
    "Brier": (CALIBRATION[0], 8),
    "ECE": (CALIBRATION[1], 8),
    "p>.1": (CALIBRATION[2], 8),
}


def meaningful(held_out: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    """The figures that mean something: novelty ranks alerts, and is no probability that could be right."""
    return {
        name: {key: value for key, value in figures.items() if name != NOVELTY or key not in CALIBRATION}
        for name, figures in held_out.items()
    }


def table(held_out: Mapping[str, Mapping[str, float]]) -> Iterator[str]:
    """The figures of each way of scoring, for a person; what is not known or means nothing is a dash."""
    model = held_out["model"]
    yield (
        f"judged on the later quarter, by a twin that never saw it: {model['beginnings']:.0f} beginnings, "
        f"{model['true_incidents']:.0f} incidents to act on"
    )
    yield f"{'':24}" + "".join(f"{title:>{width}}" for title, (_, width) in _COLUMNS.items())
    for name, figures in meaningful(held_out).items():
        yield f"{name:24}" + "".join(f"{_cell(figures, key):>{width}}" for key, width in _COLUMNS.values())


def _cell(figures: Mapping[str, float], key: str) -> str:
    if key not in figures:
        return "-"
    return f"{figures[key]:.0f}" if key in LOST else f"{figures[key]:.3f}"
