"""The answer to "why", as a person and a program see it, and an exit code: 1 if what was asked about is not there."""

import io
import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from pipeline.answer import TOPICS_IN_ORDER, Asked, FiledPast, Kind, LoggedPast, Past, answer, read_asked
from pipeline.answer.records import absent, told
from pipeline.answer.words import absence, lines
from pipeline.command.recorded import lines_of
from pipeline.command.recordings import recording_of
from pipeline.command.surroundings import read_settings
from pipeline.errors import Misuse

MOST = 50  # lines of a list, without --all


class Where(NamedTuple):
    """Where the past is kept: a log of `up`, files of a replay, or else Kafka."""

    data_dir: Path | None
    decisions: Path | None
    incidents: Path | None


def run_explain_past(what: str, where: Where, *, is_all: bool, as_json: bool) -> int:
    """Print what was decided about it, and why; 1 if nothing was. Raises Misuse, Missing and Retryable."""
    asked, settings = read_asked(what), read_settings()
    most = None if is_all else MOST
    if where.decisions is not None:
        if where.data_dir is not None:
            raise Misuse("--data-dir and --decisions are two pasts: give one of them")
        return _explain(asked, _filed(where.decisions, where.incidents), most, as_json=as_json)
    if where.incidents is not None:
        raise Misuse("--incidents goes with the --decisions of the same replay")
    if asked.kind is Kind.LINE:
        raise Misuse(f"{asked.text} names an event of a replay: say of which, with --decisions")
    with closing(recording_of(where.data_dir, settings, TOPICS_IN_ORDER, "say in which log")) as recording:
        return _explain(asked, LoggedPast(recording), most, as_json=as_json)


def _explain(asked: Asked, past: Past, most: int | None, *, as_json: bool) -> int:
    story = answer(asked, past, most)
    if story is None:
        for _ in past.decisions(lambda _: False):  # who asked for a whole id may not have read them all
            pass
        beyond = past.beyond(asked.text) if asked.kind in {Kind.EVENT, Kind.LINE} else ""
        print(
            json.dumps(absent(asked.text, past.looked, beyond)) if as_json else absence(asked.text, past.looked, beyond)
        )
        return 1
    if as_json:
        print(json.dumps(told(story)))
        return 0
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a name that this terminal has no letters for is no fault of ours
    for line in lines(story):
        print(line)
    if past.unreadable:
        print(f"{len(past.unreadable)} records could not be read; `pagesieve audit` names them")
    return 0


def _filed(decisions: Path, incidents: Path | None) -> FiledPast:
    for path in (decisions, incidents):
        if path is not None and not path.is_file():
            raise Misuse(f"{path}: no such file, or none that can be read twice")
    names = str(decisions), str(incidents)
    return FiledPast(names, lambda: _lines(decisions), None if incidents is None else lambda: _lines(incidents))


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb", buffering=0) as raw:
            yield from lines_of(raw, path)
    except OSError as exc:
        raise Misuse(f"{path}: {exc.strerror or exc}") from None
