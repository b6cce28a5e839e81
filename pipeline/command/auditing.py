"""The commands that check what was done: whether the books balance, and what was missed."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.command.reporting import Archive, AsJson, DataDir

app = typer.Typer(invoke_without_command=True)


@app.callback()
def audit(
    context: typer.Context,
    data_dir: DataDir = None,
    drained: Annotated[bool, typer.Option("--drained", help="Nothing should be on its way any more.")] = False,
    as_json: AsJson = False,
) -> None:
    """Check that every event was decided once and every page resolved; exit 1 where the books do not balance."""
    if context.invoked_subcommand is not None:
        return
    from pipeline.command.audit import run_audit

    raise typer.Exit(run_audit(data_dir, is_drained=drained, as_json=as_json))


@app.command()
def misses(
    week: Annotated[
        str | None, typer.Option(metavar="WEEK", help="Like 2026-W47; else the last one that is over.")
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", min=1, max=26, help="So many, of which that is the last.")] = 1,
    folder: Archive = None,
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The log of `up` instead; without both, PAGESIEVE_KAFKA.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List what a lot chose of the suppressed for you to grade (`pagesieve mark`), and how much was missed."""
    from pipeline.command.misses import run_misses

    run_misses(week, weeks, folder, data_dir, as_json=as_json)
