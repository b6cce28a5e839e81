"""What `pagesieve replay` makes of recorded events, as the real command, beside merely parsing the same lines."""

import asyncio
import json
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from benchmarks import traffic
from benchmarks.programs import ROOT, done, pagesieve
from benchmarks.report import Report, Row, Table
from benchmarks.systems import start_alertmanager, write_policy
from pipeline.errors import Missing

DATA = ROOT.parent / "shared" / "data"
SETS = ("original_val_1", "simul-attacks_train_1")
STORY = ROOT / "deploy" / "demo" / "story.ndjson"
EMPTY = "empty.ndjson"
COLUMNS = (
    "recording",
    "events",
    "events/s",
    "events per CPU s, without the start",
    "CPU s per 1,000 events",
    "orjson.loads alone, CPU s per 1,000",
    "times orjson.loads",
)


RAW_COLUMNS = (
    "stream, 90 % duplicates",
    "alerts",
    "alerts per CPU s, without the start",
    "CPU s per 1,000 alerts, without the start",
    "orjson.loads alone, CPU s per 1,000",
    "Alertmanager, CPU s per 1,000",
    "times Alertmanager's CPU",
)
BATCHES = (10, 100)  # alerts in a webhook
TIMES = 10  # each webhook comes: nine of ten alerts are duplicates
CONNECTIONS = 4


class Recording(NamedTuple):
    """A file to replay."""

    name: str
    path: Path
    source: str
    policy: str | None = None


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
        (folder / EMPTY).touch()
        starts: list[Run] = []
        rows = [_row(recording, folder, starts, runs) for recording in recordings]
        alerts = 2000 if is_quick else 100_000
        raw_rows = [_raw_row(folder, alerts, size, runs, report.skipped) for size in BATCHES]
    report.tables.append(Table("`pagesieve replay FILE --decisions OUT`", COLUMNS, rows))
    report.tables.append(Table("Raw webhooks to decisions (`--source alertmanager`)", RAW_COLUMNS, raw_rows))
    start_s, start_cpu_s = (statistics.median(figures) for figures in zip(*(run[1:] for run in starts), strict=True))
    report.notes.append(
        f"Median of {runs} runs of the command, each with its start alone (an empty file) and the parsing of the same "
        f"lines beside it. The start takes {start_s:.2f} s, {start_cpu_s:.2f} s of it CPU; one column leaves it out."
    )
    report.notes.append(
        "Alertmanager is sent the same alerts in the same order over HTTP, and tells each group once; what it took to "
        "start is left out too."
    )
    return report


def _row(recording: Recording, folder: Path, starts: list[Run], runs: int) -> Row:
    measured = []
    for _ in range(runs):
        # Beside each other: what slows down the machine slows down all three.
        start = _replay(Recording("", folder / EMPTY, "canonical"), folder)
        measured.append((_replay(recording, folder), start, _parse_cpu_s(recording)))
        starts.append(start)
    events = measured[0][0].events
    return (
        recording.name,
        events,
        statistics.median(events / run.wall_s for run, _, _ in measured),
        statistics.median(events / max(run.cpu_s - start.cpu_s, 0.001) for run, start, _ in measured),
        statistics.median(run.cpu_s / events * 1000 for run, _, _ in measured),
        statistics.median(parsing_s / events * 1000 for _, _, parsing_s in measured),
        statistics.median(run.cpu_s / parsing_s for run, _, parsing_s in measured),
    )


def _raw_row(folder: Path, alerts: int, size: int, runs: int, skipped: list[str]) -> Row:
    """The same stream through the command, through orjson and through a real Alertmanager, in turns."""
    batches = traffic.repeated(f"raw-{size}", alerts // size // TIMES, size, TIMES)
    path = folder / f"raw-{size}.ndjson"
    path.write_bytes(b"".join(batch.webhook + b"\n" for batch in batches))
    recording = Recording(f"webhooks of {size} alerts", path, "alertmanager", write_policy(folder))
    ours, parsing, theirs = [], [], []
    for number in range(runs):
        start = _replay(recording._replace(path=folder / EMPTY), folder)
        run = _replay(recording, folder)
        ours.append(max(run.cpu_s - start.cpu_s, 0.001) / run.events * 1000)
        parsing.append(_parse_cpu_s(recording) / run.events * 1000)
        place = folder / f"alertmanager-{size}-{number}"
        place.mkdir()
        try:
            theirs.append(asyncio.run(_alertmanager_cpu_s(place, batches)) / run.events * 1000)
        except Missing as exc:
            if str(exc) not in skipped:
                skipped.append(str(exc))
    mine = statistics.median(ours)
    times = statistics.median(one / other for one, other in zip(ours, theirs, strict=True)) if theirs else None
    peer = statistics.median(theirs) if theirs else None
    return (recording.name, len(batches) * size, 1000 / mine, mine, statistics.median(parsing), peer, times)


async def _alertmanager_cpu_s(folder: Path, batches: list[traffic.Batch]) -> float:
    """What a fresh Alertmanager uses to take all of them and to tell of every group. Raises Missing and Fault."""
    async with AsyncExitStack() as stack:
        system = await start_alertmanager(folder, "1s", stack)
        before_s = system.cpu_s()["alertmanager"]
        await system.target.post_all((system.body_of(batch) for batch in batches), CONNECTIONS)
        await system.until_told(len({batch.cluster for batch in batches}))
        return system.cpu_s()["alertmanager"] - before_s


def _replay(recording: Recording, folder: Path) -> Run:
    command = [pagesieve(), "replay", str(recording.path), "--decisions", str(folder / "decisions.ndjson")]
    if recording.policy is not None:
        command += ["--policy", recording.policy]
    before, started_s = _children_cpu_s(), time.perf_counter()
    funnel = json.loads(done([*command, "--source", recording.source, "--json"]))
    return Run(funnel["events"], time.perf_counter() - started_s, _children_cpu_s() - before)


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
    bodies = [orjson.loads(line) for line in STORY.read_bytes().splitlines()]
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
