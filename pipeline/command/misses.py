"""The audit of misses: what a lot chose to be graded, and what the graded say of all that was suppressed."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.codec import decode
from pipeline.command.archive import now_ms
from pipeline.command.recordings import recording_of
from pipeline.command.surroundings import read_settings
from pipeline.core.actionability.words import said as words_of
from pipeline.core.timestamp import rfc3339
from pipeline.errors import Rejected
from pipeline.log.extent import Recording
from pipeline.replay.kept import Kept
from pipeline.report.cases import cases_of
from pipeline.report.facts import Case, Period, Week
from pipeline.report.misses import SEED, Missed, known_of, missed, said, to_grade
from schemas import Incident, Outcome
from schemas.topics import INCIDENTS, OUTCOMES


def run_misses(week: str | None, weeks: int, folder: Path | None, data_dir: Path | None, *, as_json: bool) -> None:
    """Print what to grade and the miss rate. Raises Misuse, Missing and Retryable."""
    last = Week.named(week) if week else Week.before(now_ms())
    period = Period(last.period.earlier(weeks - 1).from_ms, last.period.until_ms)
    cases = _cases(folder, data_dir, period)
    found, listed = missed(cases, period), to_grade(cases, period)
    name = last.name if weeks == 1 else f"{weeks} weeks until {last.name}"
    if as_json:
        told = {
            "week": last.name,
            "weeks": weeks,
            "seed": SEED,
            "missed": found._asdict() | {"known": found.known._asdict(), "graded": found.graded._asdict()},
            "to_grade": [_told(case) for case in listed],
            "known": [_told(case) for case in known_of(cases, period)],
        }
        print(json.dumps(told, ensure_ascii=False))
        return
    print(*_lines(name, found, listed, known_of(cases, period)), sep="\n")


def _cases(folder: Path | None, data_dir: Path | None, period: Period) -> list[Case]:
    """Of the archive, else of the log. Raises Misuse where neither is named."""
    settings = read_settings()
    root = folder or (settings.archive if data_dir is None else None)
    if root is not None:
        from pipeline.report.query import Archive  # noqa: PLC0415 - DuckDB, only where there is an archive

        return list(Archive.open(root, period).cases)
    wanted = "say what to look through: --archive DIR or PAGESIEVE_ARCHIVE, or the log itself"
    with closing(recording_of(data_dir, settings, (INCIDENTS.name, OUTCOMES.name), wanted)) as recording:
        return _recorded(recording)


def _recorded(recording: Recording) -> list[Case]:
    kept, outcomes = Kept(), list[Outcome]()
    for entry in recording.read(INCIDENTS.name):
        try:
            kept.hear([decode(Incident, entry.value)])
        except Rejected:  # of another version: the audit of the books says so
            continue
    for entry in recording.read(OUTCOMES.name):
        try:
            outcomes.append(decode(Outcome, entry.value))
        except Rejected:
            continue
    return cases_of(kept.by_id.values(), outcomes, kept.into)


def _lines(name: str, found: Missed, listed: list[Case], known: list[Case]) -> list[str]:
    lines = [
        f"{name}: {found.known.whole:,} incidents kept quiet for their score; {found.drawn} drawn by lot,"
        f" {found.graded.whole} graded"
    ]
    for case in listed:
        lines += ["", f"{case.incident_id}  {_when(case)}  {_score(case)}", f"  {case.summary}"]
        lines += [f"  quiet: {reason}" for reason in _why(case)]
    if listed:
        lines += [
            "",
            "Say of each, from the top, what it was:",
            f"  pagesieve mark {listed[0].incident_id} --as not_actionable",
        ]
    for case in known:
        how = f"acted upon at {rfc3339(case.acted_ms)}" if case.acted_ms is not None else "marked actionable"
        lines += ["", f"MISSED {case.incident_id}  {_when(case)}  {_score(case)}: {how}", f"  {case.summary}"]
    return [*lines, "", said(found)]


def _when(case: Case) -> str:
    return rfc3339(case.opened_ms)


def _score(case: Case) -> str:
    return "no score" if case.score is None else f"score {case.score:.3g}"


def _why(case: Case) -> list[str]:
    return [] if case.scored is None else words_of(case.scored)


def _told(case: Case) -> dict[str, Any]:
    return {
        "incident_id": case.incident_id,
        "opened_at": rfc3339(case.opened_ms),
        "name": case.name,
        "summary": case.summary,
        "labels": dict(case.labels),
        "severity": case.severity,
        "score": case.score,
        "why": _why(case),
        "acted_at": None if case.acted_ms is None else rfc3339(case.acted_ms),
        "mark": case.mark,
    }
