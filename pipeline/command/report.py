"""The report as a command: of the archive, or of the sample month, into three files, to chats and by mail."""

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from pipeline.command.archive import archive_of, now_ms
from pipeline.command.surroundings import learned_of, policy_of, read_settings
from pipeline.errors import Misuse
from pipeline.report import render
from pipeline.report.advice import MOST_REPLAYED, Trial
from pipeline.report.facts import Week
from pipeline.report.query import Archive
from pipeline.report.report import Report, make
from pipeline.report.schedule import read_schedule

AT_ONCE = 20_000


if TYPE_CHECKING:
    from pipeline.command.posting import Target


class From(NamedTuple):
    """What the report is made of."""

    archive: Path | None
    schedule: Path | None
    policy: Path | None
    model: Path | None = None
    replays_all: bool = False


class To(NamedTuple):
    """Where it goes: a folder, and whether also to where PAGESIEVE_POST_… says."""

    out: Path | None
    is_posted: bool

    def targets(self) -> "list[Target]":
        """Where it is posted to. Raises Misuse, as where it would go nowhere."""
        if self.out is None and not self.is_posted:
            raise Misuse("say where the report goes: --out DIR, --post, or both")
        if not self.is_posted:
            return []
        from pipeline.command.posting import targets  # noqa: PLC0415 - HTTP and TLS, only where it is posted

        return targets()


def run_report(week: str | None, origin: From, to: To) -> None:
    """Write or post the report of a week, or of the last one that is over. Raises Misuse and Missing."""
    settings, everywhere = read_settings(), to.targets()
    policy, schedule = policy_of(origin.policy, settings), read_schedule(origin.schedule)
    wanted = Week.named(week) if week else Week.before(now_ms())
    root = archive_of(origin.archive, settings)
    archive = Archive.open(root, wanted.period, policy.guardrails.tier_label)
    most = sys.maxsize if origin.replays_all else MOST_REPLAYED
    trial = Trial(policy, learned_of(origin.model, settings), most)
    _deliver(make(archive, wanted, schedule, trial), to.out, everywhere)


def run_sample(seed: int, to: To) -> None:
    """Write or post the report of the sample month. Raises Misuse and Missing."""
    from pipeline.report import sample  # noqa: PLC0415 - only for the sample

    read_settings()
    everywhere = to.targets()
    with _archived(seed) as root:
        archive = Archive.open(root, sample.WEEK.period)
        _deliver(make(archive, sample.WEEK, sample.SCHEDULE, Trial(sample.POLICY)), to.out, everywhere)


def archive_sample(root: Path, seed: int) -> None:
    """Write the sample month into an archive. Raises Missing."""
    from pipeline.edge.archive.files import write  # noqa: PLC0415 - only for the sample
    from pipeline.report.sample import sample  # noqa: PLC0415 - likewise

    entries = sample(seed)
    while some := list(islice(entries, AT_ONCE)):
        write(root, some)


@contextmanager
def _archived(seed: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="pagesieve-sample-") as folder:
        archive_sample(Path(folder), seed)
        yield Path(folder)


def _deliver(report: Report, out: Path | None, everywhere: "list[Target]") -> None:
    """To the folder first: what cannot be posted is not lost."""
    print(f"{report.week}: {report.headline}")
    if out is not None:
        _write(report, out)
    if everywhere:
        from pipeline.command.posting import post_everywhere  # noqa: PLC0415 - likewise

        post_everywhere(report, everywhere)


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
    print(f"{out / report.week}.html, .md and .json")
