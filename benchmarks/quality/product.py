"""The product as its users run it: `pagesieve replay`, in a process of its own."""

import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.programs import ROOT, done
from benchmarks.quality.stream import Stream, Verdicts, read_decisions
from pipeline.errors import Fault

OUTPUTS = ("decisions", "incidents", "pages")


class Run(NamedTuple):
    """What a replay made of a stream."""

    verdicts: Verdicts
    took_s: float


def replayed(events: Path, stream: Stream, policy: Path | None) -> Run:
    """Replay a file and read what was decided. Raises Fault."""
    with tempfile.TemporaryDirectory(prefix="pagesieve-quality-") as scratch:
        started_s = time.monotonic()
        files = replay_into(Path(scratch), events, policy, OUTPUTS[:1])
        took_s = time.monotonic() - started_s
        return Run(read_decisions(files["decisions"], len(stream.at_s)), took_s)


def replay_into(folder: Path, events: Path, policy: Path | None, outputs: Sequence[str]) -> dict[str, Path]:
    """The files that a replay writes. Raises Fault, also where an event was not decided as it should be."""
    files = {name: folder / f"{name}.ndjson" for name in outputs}
    # The code beside these benchmarks, not the installed one: they may be of another work tree.
    command = [sys.executable, "-m", "pipeline", "replay", str(events.resolve()), "--json"]
    for name, path in files.items():
        command += [f"--{name}", str(path)]
    if policy is not None:
        command += ["--policy", str(policy.resolve())]
    before = [path for path in (str(ROOT), os.environ.get("PYTHONPATH", "")) if path]
    funnel = json.loads(done(command, {"PYTHONPATH": os.pathsep.join(before)}))
    if funnel["faults"] or funnel["rejected"]:
        raise Fault(f"{events}: {funnel['faults']} faults of pagesieve, {funnel['rejected']} lines rejected")
    return files
