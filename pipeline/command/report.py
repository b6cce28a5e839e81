"""The report as a command: of the archive, or of the sample month, into three files."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from pipeline.command.archive import archive_of, now_ms
from pipeline.command.surroundings import policy_of, read_settings
from pipeline.errors import Misuse
from pipeline.report import render
from pipeline.report.facts import Week
from pipeline.report.query import Archive
from pipeline.report.report import Report, make
from pipeline.report.schedule import read_schedule

AT_ONCE = 20_000


class From(NamedTuple):
    """What the report is made of."""

    archive: Path | None
    schedule: Path | None
    policy: Path | None


def run_report(week: str | None, origin: From, out: Path) -> None:
    """Write the report of a week, or of the last one that is over. Raises Misuse."""
    settings = read_settings()
    policy, schedule = policy_of(origin.policy, settings), read_schedule(origin.schedule)
    wanted = Week.named(week) if week else Week.before(now_ms())
    root = archive_of(origin.archive, settings)
    archive = Archive.open(root, wanted.period, policy.guardrails.tier_label)
    _write(make(archive, wanted, schedule, policy), out)


def run_sample(out: Path, seed: int) -> None:
    """Write the report of the sample month. Raises Misuse."""
    from pipeline.report import sample  # noqa: PLC0415 - only for the sample

    with _archived(seed) as root:
        archive = Archive.open(root, sample.WEEK.period)
        _write(make(archive, sample.WEEK, sample.SCHEDULE, sample.POLICY), out)


@contextmanager
def _archived(seed: int) -> Iterator[Path]:
    from pipeline.edge.archive.files import write  # noqa: PLC0415 - only for the sample
    from pipeline.report.sample import sample  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="pagesieve-sample-") as folder:
        entries = sample(seed)
        while some := list(islice(entries, AT_ONCE)):
            write(Path(folder), some)
        yield Path(folder)


def _write(report: Report, out: Path) -> None:
    files = {
        "html": render.html(report).encode(),
        "md": render.markdown(report).encode(),
        "json": render.as_json(report),
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        for kind, content in files.items():
            (out / f"{report.week}.{kind}").write_bytes(content)
    except OSError as exc:
        raise Misuse(f"--out {out}: {exc.strerror or exc}") from None
    print(f"{report.week}: {report.headline}")
    print(f"{out / report.week}.html, .md and .json")
