"""`python -m benchmarks [NAME …] [--json] [--quick]`: every figure of README.md, or the named ones."""

import argparse
import json
import signal
import sys
import time

from benchmarks import end_to_end, gateway, kernels, latency, replay, restart, scale, step, storm, worker
from benchmarks.machine import Watch
from benchmarks.report import Report
from pipeline.errors import Fault, Missing

BENCHMARKS = {
    "replay": replay.measure,
    "restart": restart.measure,
    "end_to_end": end_to_end.measure,
    "latency": latency.measure,
    "gateway": gateway.measure,
    "kernels": kernels.measure,
    "scale": scale.measure,
    "step": step.measure,
    "storm": storm.measure,
    "worker": worker.measure,
}


def main() -> int:
    """Measure, and print the figures. 1 if something of ours failed; what is merely missing is said and skipped."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument("--json", action="store_true", dest="is_json", help="for programs")
    parser.add_argument("--quick", action="store_true", dest="is_quick", help="does it run at all? no figure counts")
    wanted = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # else what it started would stay behind
    if unknown := set(wanted.names) - BENCHMARKS.keys():
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    watch = Watch()
    reports, failed = [], False
    for name in wanted.names or BENCHMARKS:
        report, took_s = _measured(name, is_quick=wanted.is_quick)
        failed = failed or report is None
        print(f"{name}: {took_s:.0f} s", file=sys.stderr)
        if report is not None:
            reports.append(report)
            if not wanted.is_json:
                print(report.as_markdown(), end="\n\n", flush=True)
    here = watch.machine()
    if wanted.is_json:
        found = {"machine": here._asdict(), "is_quick": wanted.is_quick}
        print(json.dumps({**found, "benchmarks": [report.as_json() for report in reports]}, indent=2))
    else:
        print(here.sentence())
    return int(failed)


def _measured(name: str, *, is_quick: bool) -> tuple[Report | None, float]:
    """The report and how long it took; none where pagesieve itself failed."""
    started_s = time.monotonic()
    report: Report | None
    try:
        report = BENCHMARKS[name](is_quick=is_quick)
    except Missing as exc:
        report = Report(name, skipped=[str(exc)])
    except Fault as exc:
        print(f"{name}: {exc}", file=sys.stderr)
        report = None
    return report, time.monotonic() - started_s


if __name__ == "__main__":
    sys.exit(main())
