"""The commands about what is learned."""

from pathlib import Path
from typing import Annotated

import typer

HistoryFiles = Annotated[list[Path], typer.Option("--history", metavar="FILE ...", help="NDJSON, plain or .gz.")]
MoreFiles = Annotated[list[Path] | None, typer.Argument(metavar="[FILE ...]", help="More history.")]
OutcomeFiles = Annotated[
    list[Path] | None,
    typer.Option("--outcomes", metavar="FILE", help="What people said, NDJSON as on the topic; may be given again."),
]
SourceName = Annotated[str, typer.Option("--source", metavar="NAME", help="Whose raw bodies the lines are.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="The policy; else PAGESIEVE_POLICY, else the defaults.")
]
ModelsDir = Annotated[
    Path | None, typer.Option("--dir", metavar="DIR", help="The folder that `train` fills; else PAGESIEVE_MODEL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]

models = typer.Typer(help="See what was learned, and say which model is used.")


def train(  # a command's options
    history: HistoryFiles,
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder of models; made if missing.")],
    more: MoreFiles = None,
    outcomes: OutcomeFiles = None,
    source: SourceName = "canonical",
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Learn from recorded events what comes together, and from what people said when somebody has to act."""
    from pipeline.command.learning import Given, run_train

    run_train(Given((*history, *(more or [])), tuple(outcomes or ()), source, policy), out, as_json=as_json)


def evaluate(  # a command's options
    history: HistoryFiles,
    outcomes: OutcomeFiles,
    more: MoreFiles = None,
    folder: ModelsDir = None,
    source: SourceName = "canonical",
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Say how good a model of what people said is on a later time, beside the one in use, and keep nothing."""
    from pipeline.command.learning import Given, run_evaluate

    run_evaluate(Given((*history, *(more or [])), tuple(outcomes or ()), source, policy), folder, as_json=as_json)


@models.command("list")
def list_models(folder: ModelsDir = None, as_json: AsJson = False) -> None:
    """Name every model, the one with the newest history first; * is in use."""
    from pipeline.command.shelf import run_list

    run_list(folder, as_json=as_json)


@models.command("show")
def show_model(
    version: Annotated[str | None, typer.Argument(metavar="[VERSION]", help="Else the one in use.")] = None,
    folder: ModelsDir = None,
    as_json: AsJson = False,
) -> None:
    """Say what a model learned from, and what."""
    from pipeline.command.shelf import run_show

    run_show(version, folder, as_json=as_json)


@models.command("use")
def use_model(
    version: Annotated[str, typer.Argument(metavar="VERSION")],
    folder: ModelsDir = None,
    is_anyway: Annotated[
        bool, typer.Option("--anyway", help="Though it loses more true incidents than what is in use, or nobody knows.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Let whoever starts from now on take this model, if it loses no more true incidents than the one in use; else 1.

    What was decided stays, and names the model that decided it.
    """
    from pipeline.command.shelf import run_use

    raise typer.Exit(run_use(version, folder, is_anyway=is_anyway, as_json=as_json))
