"""Recorded events are read here, line by line and never a whole file, and handed to the replay."""

import dataclasses
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.command.collection import collect_rarely
from pipeline.command.quieted import quieted_of
from pipeline.command.surroundings import learned_of, policy_of, read_settings
from pipeline.command.unfinished import BUFFER_BYTES, is_stream, whole
from pipeline.errors import Misuse
from pipeline.replay import Funnel, Outputs, replay
from pipeline.replay.kept import Kept
from pipeline.sources import SOURCES
from schemas.topics import MAX_RECORD_BYTES

NEWS_EVERY = 1000  # lines between two moves of the progress bar


class Files(NamedTuple):
    """What is read and what is written."""

    recorded: Path
    decisions: Path
    incidents: Path | None
    pages: Path | None
    rejected: Path | None
    outcomes: tuple[Path, ...] = ()  # what people said, to tell what was missed


def run_replay(
    files: Files, source: str, policy_file: Path | None, model: Path | None = None, *, as_json: bool
) -> None:
    """Replay and print the funnel. Raises Misuse, naming file and line."""
    settings = read_settings()
    policy, learned = policy_of(policy_file, settings), learned_of(model, settings)
    if source not in SOURCES:
        raise Misuse(f"--source {source}: there are {', '.join(SOURCES)}")
    collect_rarely()
    kept = Kept()
    try:
        with ExitStack() as opened:
            raw = opened.enter_context(files.recorded.open("rb", buffering=0))
            paths = (files.decisions, files.incidents, files.pages, files.rejected)
            _check_outputs(paths, files.recorded)
            decisions, incidents, pages, rejected = [
                None if path is None else opened.enter_context(whole(path)) for path in paths
            ]
            assert decisions is not None  # noqa: S101 - `files.decisions` is never None; the types cannot say so
            out = Outputs(decisions, incidents, pages, rejected, kept)
            funnel = replay(with_progress(raw, files.recorded, opened), source, policy, out, learned)
    except OSError as exc:
        raise Misuse(f"{exc.filename or files.recorded}: {exc.strerror or exc}") from None
    except KeyboardInterrupt:
        print("pagesieve: stopped: no file is written, and what was there before stays", file=sys.stderr)
        raise
    quieted = quieted_of(kept, files.outcomes)
    if as_json:
        print(json.dumps(dataclasses.asdict(funnel) | quieted.told()))
    else:
        print(f"{_sentence(funnel)}; {quieted.sentence()}")
    if funnel.rejected and not funnel.events:
        raise no_event_in(files.recorded, source)


def no_event_in(path: Path, source: str) -> Misuse:
    """What is said of a file in which nothing is an event."""
    others = ", ".join(name for name in SOURCES if name != source)
    return Misuse(
        f"{path}: nothing in it is an event as {source} writes it; `pagesieve replay --rejected OUT` says why, line by "
        f"line; --source may be {others}"
    )


def _check_outputs(paths: Iterable[Path | None], recorded: Path) -> None:
    """Raises Misuse if one is the recording, or they are not as many files as they are."""
    seen = {recorded.resolve()}
    for path in paths:
        if path is None or is_stream(path):
            continue
        if path.exists() and path.samefile(recorded):
            raise Misuse(f"{path} is the recording itself, and would be overwritten")
        if path.resolve() in seen:
            raise Misuse(f"{path} is named for two outputs, and would be overwritten")
        seen.add(path.resolve())


def with_progress(raw: io.FileIO, path: Path, opened: ExitStack) -> Iterator[bytes]:
    """The lines of the file; on a terminal a bar shows how many of its bytes are read. Raises Misuse."""
    lines = lines_of(raw, path)
    if not sys.stderr.isatty():
        return lines
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    bar = opened.enter_context(Progress(*columns, console=Console(stderr=True), transient=True))
    task = bar.add_task(path.name, total=path.stat().st_size)

    def watched() -> Iterator[bytes]:
        for number, line in enumerate(lines):
            if number % NEWS_EVERY == 0:
                bar.update(task, completed=raw.tell())
            yield line

    return watched()


def lines_of(raw: io.FileIO, path: Path) -> Iterator[bytes]:
    """Each line. Raises Misuse where the file is not what its name says, or a line is too long to be an event."""
    plain = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
    number = 0
    with io.BufferedReader(plain, BUFFER_BYTES) as stream:
        while True:
            number += 1
            try:
                line = stream.readline(MAX_RECORD_BYTES + 1)
            except (gzip.BadGzipFile, EOFError, zlib.error) as exc:
                raise Misuse(f"{path}: line {number}: not whole gzip: {exc}") from None
            if not line:
                return
            if len(line) > MAX_RECORD_BYTES:
                raise Misuse(f"{path}: line {number} is longer than {MAX_RECORD_BYTES} bytes, so this is hardly NDJSON")
            yield line


def _sentence(funnel: Funnel) -> str:
    said = (
        f"{funnel.events:,} events of {funnel.alerts:,} alerts → {funnel.incidents:,} incidents → "
        f"{funnel.pages:,} pages; {funnel.lines:,} lines, {funnel.rejected:,} rejected"
    )
    if funnel.truncated:
        said += f"; {funnel.truncated} alerts were cut off by their source"
    if funnel.faults:
        said += f"; {funnel.faults} FAULTS of pagesieve itself"
    return said
