"""The commands about what was: the archive, questions to it, and the report."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None, typer.Option(metavar="DIR", help="The log of `up`; else the topics on PAGESIEVE_KAFKA.")
]
Archive = Annotated[
    Path | None, typer.Option("--archive", metavar="DIR", help="The folder of Parquet files; else PAGESIEVE_ARCHIVE.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def archive(
    data_dir: DataDir = None,
    folder: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The folder to fill; else PAGESIEVE_ARCHIVE.")
    ] = None,
) -> None:
    """Write what was decided to Parquet files by day: of a data folder once, of Kafka until it is stopped."""
    from pipeline.command.archive import run_archive

    run_archive(data_dir, folder)


def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="A SELECT; the tables are in deploy/archive.md.")],
    folder: Archive = None,
    as_json: AsJson = False,
) -> None:
    """Ask the archive in DuckDB's SQL; it can only read, and nothing but the archive."""
    from pipeline.command.sql import run_sql

    run_sql(query, folder, as_json=as_json)


def report(
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where the HTML, Markdown and JSON go.")] = None,
    week: Annotated[
        str | None, typer.Option(metavar="WEEK", help="Like 2026-W47; else the last one that is over.")
    ] = None,
    folder: Archive = None,
    schedule: Annotated[Path | None, typer.Option(metavar="FILE", help="Who is on call when, and where.")] = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="With which proposals are tried; else PAGESIEVE_POLICY.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="With which models proposals are tried; else PAGESIEVE_MODEL.")
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Of a made-up month, to see what it looks like.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the sample.")] = 1,
    post: Annotated[
        bool, typer.Option("--post", help="Post it to where PAGESIEVE_POST_… says: Slack, Teams, a webhook, mail.")
    ] = False,
    replay_all: Annotated[
        bool, typer.Option("--replay-all", help="Try every change on the week, however long that takes.")
    ] = False,
) -> None:
    """Write the weekly noise report: how bearable it was, what woke you for nothing, and what to change."""
    from pipeline.command.report import From, To, run_report, run_sample

    if sample:
        run_sample(seed, To(out, post))
    else:
        run_report(week, From(folder, schedule, policy, model, replay_all), To(out, post))
