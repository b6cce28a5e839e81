"""The commands about what people did."""

from typing import Annotated

import typer


def mark(
    incidents: Annotated[
        list[str], typer.Argument(metavar="INCIDENT ...", help="Whole ids, as in the page's dedup_key; - for stdin.")
    ],
    verdict: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="VERDICT",
            help="actionable, not_actionable, false_positive, poor_details or duplicate; or what was done",
        ),
    ],
    note: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    by: Annotated[
        str | None, typer.Option(metavar="NAME", help="Who says so; else who you are on this machine.")
    ] = None,
    gateway: Annotated[
        str | None, typer.Option(metavar="URL", help="Else PAGESIEVE_GATEWAY_URL, else http://127.0.0.1:9095.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Say what incidents turned out to be, through the gateway or `up`; a later mark replaces an earlier one."""
    from pipeline.command.mark import run_mark

    raise typer.Exit(run_mark(incidents, verdict, note, by, gateway, as_json=as_json))
