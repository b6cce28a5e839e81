"""`python -m benchmarks.quality [--only NAME] [--json]`: is the grouping right? README.md says what that means."""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import Watch
from benchmarks.quality import ait, calibration, holds, itbench, operations, pairs, taught, upptime
from benchmarks.quality.baselines import METHODS
from benchmarks.quality.judged import PRODUCT
from benchmarks.quality.product import replayed
from benchmarks.quality.score import score
from benchmarks.quality.stream import Verdicts, read_decisions, read_stream
from benchmarks.report import Report
from pipeline.errors import Fault, Missing, Misuse

CACHE = Path("~/.cache/pagesieve/quality").expanduser()
ALL = (PRODUCT, *METHODS)
SETS: dict[str, Callable[[argparse.Namespace], Report]] = {
    "ait-ads-a": lambda wanted: ait.measure(
        wanted.networks, wanted.methods, wanted.policy, cache=wanted.cache, jobs=wanted.jobs
    ),
    "operations": lambda wanted: operations.measure(
        wanted.seeds or operations.SEEDS, wanted.methods, wanted.policy, jobs=wanted.jobs
    ),
    "calibration": lambda wanted: calibration.measure(
        wanted.seeds or operations.SEEDS, wanted.policy, jobs=wanted.jobs
    ),
    "upptime": lambda wanted: upptime.measure(wanted.methods, wanted.policy),
    "holds": lambda wanted: holds.measure(jobs=wanted.jobs),
    "taught": lambda wanted: taught.measure(wanted.networks, cache=wanted.cache, jobs=wanted.jobs),
    "pairs": lambda wanted: pairs.measure(wanted.networks, cache=wanted.cache),
    "itbench": lambda wanted: itbench.measure(wanted.seeds or itbench.SEEDS, wanted.methods, wanted.policy),
}


def main() -> int:
    """Score, and print the figures. 1 if pagesieve failed, 2 for wrong use; what is missing is said and left out."""
    parser = _parser()
    wanted = parser.parse_args()
    wanted.methods = wanted.methods or list(ALL)
    wanted.networks = wanted.networks or list(ait.NETWORKS)
    if unknown := set(wanted.methods) - set(ALL):
        parser.error(f"no method {', '.join(sorted(unknown))}; there are {'; '.join(ALL)}")
    if (wanted.truth is None) != (wanted.events is None) or (wanted.decisions and not wanted.events):
        parser.error("--events and --truth belong together, and --decisions to both")
    try:
        return _one_file(wanted) if wanted.events else _sets(wanted)
    except Misuse as exc:
        parser.error(str(exc))
    except Fault as exc:
        print(exc, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("--only", action="append", choices=SETS, help="one of the sets; may be given again")
    parser.add_argument("--method", action="append", dest="methods", metavar="NAME", help=f"one of {'; '.join(ALL)}")
    parser.add_argument("--network", action="append", dest="networks", metavar="NAME", help="of ait-ads-a: train_0 …")
    parser.add_argument("--seed", type=int, action="append", dest="seeds", metavar="N", help="of operations: 1 …")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="for pagesieve, and for every set the same")
    parser.add_argument("--events", type=Path, metavar="FILE", help="canonical events of your own, with --truth")
    parser.add_argument("--truth", type=Path, metavar="FILE", help="CSV: incident,step; a line an event")
    parser.add_argument("--decisions", type=Path, metavar="FILE", help="score these instead of deciding")
    parser.add_argument("--json", action="store_true", dest="is_json", help="for programs")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="streams at a time")
    parser.add_argument("--cache", type=Path, default=CACHE, metavar="DIR", help=f"for converted sets; {CACHE}")
    return parser


def _one_file(wanted: argparse.Namespace) -> int:
    """Figures as score_decisions.py prints them: of the decisions that are there, or of every method."""
    stream = read_stream(wanted.events, wanted.truth)
    if not stream.incidents:
        raise Misuse(f"{wanted.truth}: nothing in it is an incident")
    if wanted.decisions is not None:
        found = score(stream, read_decisions(wanted.decisions, len(stream.at_s)))
    else:
        found = {}
        for method in wanted.methods:
            run = replayed(wanted.events, stream, wanted.policy) if method == PRODUCT else None
            found[method] = score(stream, run.verdicts if run else Verdicts(METHODS[method](stream)))
    print(json.dumps(found, indent=1))
    return 0


def _sets(wanted: argparse.Namespace) -> int:
    watch, reports = Watch(), []
    for name in wanted.only or SETS:
        started_s = time.monotonic()
        try:
            report = SETS[name](wanted)
        except Missing as exc:
            report = Report(name, skipped=[str(exc)])
        reports.append(report)
        print(f"{name}: {time.monotonic() - started_s:.0f} s", file=sys.stderr)
        if not wanted.is_json:
            print(report.as_markdown(), end="\n\n", flush=True)
    here = watch.machine()
    if wanted.is_json:
        print(json.dumps({"machine": here._asdict(), "sets": [report.as_json() for report in reports]}, indent=2))
    else:
        print(here.sentence())
    return 0


if __name__ == "__main__":
    sys.exit(main())
