"""Teaching keeps a model of what people said beside the model of what comes together, and judges it on a later time.

What is promised of it was measured on a twin: taught from the earlier three quarters, asked about the rest. The model
that is kept was taught from all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from models.evaluation import figures_of, reliability
from models.examples import Examples, Reals, by_time
from models.scorer import Scorer
from models.teaching import Taught, sigmoid, teach
from pipeline.command.held_out import NOVELTY, meaningful, table
from pipeline.command.judged import Judged, Rules, Said, judged
from pipeline.command.model_files import CURRENT, read_learned
from pipeline.core.actionability.drift import bins_of
from pipeline.core.actionability.features import FEATURES
from pipeline.core.learned import NOTHING, Learned
from pipeline.errors import Misuse

EARLY = 0.75
_TEMPLATE_BEGUN, _ALERT_BEGUN = FEATURES.index("template_begun"), FEATURES.index("alert_begun")


class Held(NamedTuple):
    """Examples of the later time, with what each way of scoring says of them."""

    examples: Examples
    scores: dict[str, Reals]  # model (with the prior, whichever is higher), prior, novelty, and the version in use

    def figures(self) -> dict[str, dict[str, float]]:
        """Of each."""
        return meaningful({name: figures_of(scores, self.examples) for name, scores in self.scores.items()})

    def reliability(self) -> list[tuple[float, float, float, float]]:
        """Of the model."""
        return reliability(self.scores["model"], self.examples)


class Lesson(NamedTuple):
    """What came of teaching."""

    taught: Taught
    held: Held
    judged: Judged


def in_use(folder: Path) -> Learned:
    """What is in use of a models folder, nothing where none is. Raises Misuse where it is damaged."""
    return read_learned(folder) if any((folder / name).exists() for name in CURRENT.values()) else NOTHING


def learn(files: Sequence[Path], rules: Rules, said: Said, templates: dict[str, int]) -> Lesson:
    """Replay, judge and teach. Raises Misuse where nothing can be learned."""
    found = judged(files, rules, said, templates)
    examples = found.examples
    if found.unmatched == len(said.outcomes) or not len(examples.at_ms):  # what nobody touched alone teaches nothing
        raise Misuse(
            f"nothing that was said is of an alert in {files[0]} that began after its scope was watched for a day "
            f"({found.unmatched} incidents that were spoken of are not in it)"
        )
    trained_at_ms = max(int(examples.at_ms.max()), said.last_ms)
    early, late = by_time(examples, EARLY)
    return Lesson(teach(examples, trained_at_ms), held(early, late, rules.learned), found)


def held(early: Examples, late: Examples, using: Learned = NOTHING) -> Held:
    """A twin is taught from `early`, and asked about `late` beside the others."""
    if not len(early.at_ms) or not len(late.at_ms):
        return Held(late, {})
    prior = sigmoid(late.features[:, 0])
    twin = teach(early, int(early.at_ms.max())).scorer
    scores = {"model": asked(twin, late), "prior": prior, NOVELTY: _novelty(late)}
    if isinstance(using.scorer, Scorer) and using.scorer.version is not None:
        scores[using.scorer.version] = asked(using.scorer, late)
    return Held(late, scores)


def asked(scorer: Scorer, examples: Examples) -> Reals:
    """As the core scores: the higher of what the model says and what the prior does."""
    higher: Reals = np.maximum(
        scorer.probabilities(examples.features, examples.template), sigmoid(examples.features[:, 0])
    )
    return higher


def _novelty(examples: Examples) -> Reals:
    """How seldom the template began, and half as much how seldom the alert did."""
    seldom: Reals = 1.0 / (1.0 + examples.features[:, _TEMPLATE_BEGUN] + 0.5 * examples.features[:, _ALERT_BEGUN])
    return seldom


def expected(lesson: Lesson) -> dict[str, dict[str, tuple[float, ...]]]:
    """How the score, and each feature, is spread in what was taught with: drift is measured against it."""
    examples = lesson.judged.examples
    columns = dict(zip(FEATURES, examples.features.T.tolist(), strict=True))
    columns["score"] = asked(lesson.taught.scorer, examples).tolist()
    return {name: bins_of(values)._asdict() for name, values in columns.items()}


def told(lesson: Lesson) -> dict[str, Any]:
    """What is to be said of it, for a program."""
    examples = lesson.judged.examples
    return {
        "beginnings": len(examples.at_ms),
        "incidents": int(examples.incident.max()) + 1,
        "true_incidents": len(np.unique(examples.incident[examples.is_true])),
        "unmatched": lesson.judged.unmatched,
        "method": lesson.taught.method,
        "loss": lesson.taught.loss,
        "is_calibrated": lesson.taught.is_calibrated,
        "held_out": lesson.held.figures(),
    }


def sentences(lesson: Lesson) -> list[str]:
    """And for a person."""
    said = told(lesson)
    lines = [
        f"{said['beginnings']} beginnings of {said['incidents']} incidents of which something is known, "
        f"{said['true_incidents']} to act on; {said['unmatched']} that were spoken of are not in the history",
        f"learned by {said['method']}" + ("" if said["is_calibrated"] else ", too few to calibrate it"),
    ]
    figures = said["held_out"]
    if not figures:
        return [*lines, "too few to judge it on a later time"]
    lines += table(figures)
    lines.append("how often it was right: score from, beginnings (weighted), mean score, share to act on")
    lines += [f"  {a:.1f} {b:10.1f} {c:8.3f} {d:8.3f}" for a, b, c, d in lesson.held.reliability()]
    return lines
