"""What a replay kept quiet for its score, or would have, and what of it people had to act on as they said."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.replay.kept import Kept
from pipeline.report.cases import cases_of
from pipeline.report.facts import Period
from pipeline.report.misses import Missed, as_if_on, missed, said
from schemas import Outcome


class Quieted(NamedTuple):
    """`would_be`: incidents that paged, and would not have with `suppress: on`; what is missed then, and now."""

    would_be: int
    now: Missed
    then: Missed

    def sentence(self) -> str:
        """What stands beside the funnel."""
        if not self.would_be:
            return said(self.now)
        more = f"with `suppress: on` {self.would_be:,} more incidents would page nobody, {said(self.then)}"
        return f"{said(self.now)}; {more}"

    def told(self) -> dict[str, Any]:
        """For a program."""
        return {
            "suppressed": self.now.known.whole,
            "missed": _plain(self.now),
            "with_suppress_on": {"suppressed": self.then.known.whole, "missed": _plain(self.then)},
        }


def quieted_of(kept: Kept, files: Sequence[Path]) -> Quieted:
    """`files`: outcomes. Raises Misuse."""
    outcomes: list[Outcome] = []
    if files:
        from pipeline.command.judged import read_said  # noqa: PLC0415 - it brings numpy and the models

        outcomes = [one for several in read_said(files).outcomes.values() for one in several]
    cases = cases_of(kept.by_id.values(), outcomes, kept.into)
    period = Period(cases[0].opened_ms, cases[-1].opened_ms + 1) if cases else Period(0, 1)
    would_be = sum(case.is_paged for case in cases)
    return Quieted(would_be, missed(cases, period), missed(as_if_on(cases), period))


def _plain(found: Missed) -> dict[str, Any]:
    return found._asdict() | {"known": found.known._asdict(), "graded": found.graded._asdict()}
