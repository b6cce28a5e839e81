"""What `pagesieve replay` makes of recorded events, as the real command, beside merely parsing the same lines."""

import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks.programs import ROOT, done, pagesieve
from benchmarks.report import Report, Row, Table
from pipeline.errors import Missing

DATA = ROOT.parent / "shared" / "data"
SETS = ("original_val_1", "simul-attacks_train_1")
STORY = ROOT / "deploy" / "demo" / "story.ndjson"
COLUMNS = (
    "recording",
    "events",
    "events/s",
    "events/s without the start",
    "CPU s per 1,000 events",
    "orjson.loads alone, CPU s per 1,000",
    "times orjson.loads",
)


class Recording(NamedTuple):
    """A file to replay."""

    name: str
    path: Path
    source: str


class Run(NamedTuple):
    """What one run of the command took."""

    events: int
    wall_s: float
    cpu_s: float


def measure(*, is_quick: bool) -> Report:
    """Replay every recording that is here. Raises Missing and Fault."""
    report = Report("replay")
    runs, most_lines, tellings = (1, 2000, 2) if is_quick else (5, None, 200)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        recordings = [_told_again(folder, tellings)]
        for name in SETS[:1] if is_quick else SETS:
            try:
                recordings.insert(-1, _converted(folder, name, most_lines))
            except Missing as exc:
                report.skipped.append(str(exc))
        (folder / "empty.ndjson").touch()
        start = _median([_replay(Recording("", folder / "empty.ndjson", "canonical"), folder) for _ in range(runs)])
        rows = [_row(recording, folder, start, runs) for recording in recordings]
    report.tables.append(Table("`pagesieve replay FILE --decisions OUT`", COLUMNS, rows))
    report.notes.append(
        f"The start of the command (Python, imports) takes {start.wall_s:.2f} s, {start.cpu_s:.2f} s CPU, of each run."
    )
    report.notes.append(f"Median of {runs} runs of the command; each with the parsing of the same lines beside it.")
    return report


def _row(recording: Recording, folder: Path, start: Run, runs: int) -> Row:
    measured = [(_replay(recording, folder), _parse_cpu_s(recording)) for _ in range(runs)]
    run = _median([run for run, _ in measured])
    parsing_s = statistics.median(parsing_s for _, parsing_s in measured)
    # Run by run: what slows down the machine slows down both.
    times = statistics.median(run.cpu_s / parsing_s for run, parsing_s in measured)
    return (
        recording.name,
        run.events,
        run.events / run.wall_s,
        run.events / max(run.wall_s - start.wall_s, 0.001),
        run.cpu_s / run.events * 1000,
        parsing_s / run.events * 1000,
        times,
    )


def _replay(recording: Recording, folder: Path) -> Run:
    command = [pagesieve(), "replay", str(recording.path), "--decisions", str(folder / "decisions.ndjson")]
    before, started_s = _children_cpu_s(), time.perf_counter()
    funnel = json.loads(done([*command, "--source", recording.source, "--json"]))
    return Run(funnel["events"], time.perf_counter() - started_s, _children_cpu_s() - before)


def _median(runs: list[Run]) -> Run:
    return Run(
        runs[0].events,
        statistics.median(run.wall_s for run in runs),
        statistics.median(run.cpu_s for run in runs),
    )


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _parse_cpu_s(recording: Recording) -> float:
    started_s = time.process_time()
    with recording.path.open("rb") as lines:
        for line in lines:
            orjson.loads(line)
    return time.process_time() - started_s


def _converted(folder: Path, name: str, most_lines: int | None) -> Recording:
    """A stored data set as canonical events. Raises Missing."""
    packed = DATA / "ait-ads-a" / f"{name}.csv.gz"
    if not packed.exists():
        raise Missing(f"{packed} is not here: real alerts that are not part of the project")
    done([sys.executable, str(DATA / "convert.py"), str(packed), str(folder / name)])
    path = folder / f"{name}.ndjson"
    if most_lines is not None:
        with path.open("rb") as lines:
            kept = list(islice(lines, most_lines))
        path.write_bytes(b"".join(kept))
    return Recording(f"ait-ads-a {name}", path, "canonical")


def _told_again(folder: Path, tellings: int) -> Recording:
    """The webhooks of the demo's story, told again every hour."""
    path = folder / "story.ndjson"
    bodies = [orjson.loads(line)["body"] for line in STORY.read_bytes().splitlines()]
    with path.open("wb") as file:
        for hour in range(tellings):
            file.writelines(orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE) for body in _later(bodies, hour))
    return Recording("the demo's story, raw webhooks (`--source alertmanager`)", path, "alertmanager")


def _later(bodies: list[dict[str, Any]], hours: int) -> Iterator[dict[str, Any]]:
    for body in bodies:
        alerts = [
            {**alert, **{key: _moved(alert[key], hours) for key in ("startsAt", "endsAt")}} for alert in body["alerts"]
        ]
        yield {**body, "alerts": alerts}


def _moved(time_of_day: str, hours: int) -> str:
    when = datetime.fromisoformat(time_of_day)
    return time_of_day if when.year == 1 else (when + timedelta(hours=hours)).isoformat(timespec="milliseconds")
