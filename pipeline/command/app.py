"""The commands and their options; each imports what it needs only when it is called, so that `--help` is quick."""

import importlib.metadata
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pipeline.command import auditing, learned, reporting, topics
from pipeline.command import outcomes as marking
from pipeline.errors import Misuse

app = typer.Typer(
    name="pagesieve",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(topics.app, name="topics")
policy_app = typer.Typer(help="Check a policy, and see what it makes of an alert.")
app.add_typer(policy_app, name="policy")
app.add_typer(learned.models, name="models")
app.add_typer(auditing.app, name="audit")


class SinkName(StrEnum):
    """Where pages go."""

    CONSOLE = "console"
    PAGERDUTY = "pagerduty"


Listen = Annotated[str, typer.Option(metavar="HOST:PORT", help="Where monitors send alerts; port 0 takes a free one.")]
Probes = Annotated[
    str | None, typer.Option("--listen", metavar="HOST:PORT", help="Answer /healthz, /readyz and /metrics here.")
]
Out = Annotated[Path | None, typer.Option(metavar="OUT", help="A file for these, one line each.")]
PolicyFile = Annotated[
    Path | None, typer.Option("--policy", metavar="FILE", help="The policy; else PAGESIEVE_POLICY, else the defaults.")
]
ModelDir = Annotated[
    Path | None,
    typer.Option("--model", metavar="DIR", help="What was learned; else PAGESIEVE_MODEL, else nothing is."),
]
ShiftsFile = Annotated[
    Path | None, typer.Option("--schedule", metavar="FILE", help="Who is on call when, for the reports.")
]
Sink = Annotated[SinkName, typer.Option(help="Where pages go.")]
AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code. Raises what the command raises, and Misuse for wrong use."""
    try:
        code = app(args=arguments, prog_name="pagesieve", standalone_mode=False)
    except typer.Abort:
        return 130
    except typer.TyperException as exc:
        raise Misuse(f"{exc.format_message()} (see pagesieve --help)") from None
    return int(code or 0)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"pagesieve {importlib.metadata.version('pagesieve')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def pagesieve(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    """One problem, one page: between your monitors and your pagers.

    Settings come from the environment (PAGESIEVE_…). Exit codes: 0 done, 1 the answer is no, 2 wrong use or input,
    3 a part of the world is missing, 70 a fault of ours.
    """
    if context.invoked_subcommand is None:
        raise Misuse("say which command (see pagesieve --help)")


@app.command()
def up(
    data_dir: Annotated[Path, typer.Option(metavar="DIR", help="The folder that keeps the log; made if missing.")],
    listen: Listen = "127.0.0.1:9095",
    sink: Sink = SinkName.CONSOLE,
    policy: PolicyFile = None,
    model: ModelDir = None,
    archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write Parquet files there, too; else PAGESIEVE_ARCHIVE, else none."),
    ] = None,
    schedule: ShiftsFile = None,
) -> None:
    """Run everything in one process, without Kafka."""
    from pipeline.command.up import run_up

    run_up(data_dir, listen, sink.value, policy, model, archive, schedule)


@app.command()
def gateway(listen: Listen = "127.0.0.1:9095") -> None:
    """Take alerts over HTTP and write them to Kafka."""
    from pipeline.command.on_kafka import run_gateway

    run_gateway(listen)


@app.command()
def worker(policy: PolicyFile = None, model: ModelDir = None, listen: Probes = None) -> None:
    """Decide about the alerts on Kafka; start more of them to share the work."""
    from pipeline.command.on_kafka import run_worker

    run_worker(policy, model, listen)


@app.command()
def pager(sink: Sink = SinkName.PAGERDUTY, listen: Probes = None) -> None:
    """Deliver the pages on Kafka."""
    from pipeline.command.on_kafka import run_pager

    run_pager(sink.value, listen)


@app.command()
def web(
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where the page is.")] = "127.0.0.1:9098",
    policy: PolicyFile = None,
    archive: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For the reports; else PAGESIEVE_ARCHIVE, else there are none.")
    ] = None,
    schedule: ShiftsFile = None,
    model: ModelDir = None,
) -> None:
    """Show on a page what burns, why and what comes next, and let it be marked; `up` has it inside."""
    from pipeline.command.web import run_web

    run_web(listen, policy, archive, schedule, model)


@policy_app.command("check")
def check_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A policy.")],
    archive: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Say too what `suppress: on` would have done by it; else PAGESIEVE_ARCHIVE."),
    ] = None,
    weeks: Annotated[int, typer.Option(metavar="N", min=1, max=26, help="In so many weeks until now.")] = 4,
    model: ModelDir = None,
    as_json: AsJson = False,
) -> None:
    """Say the policy's version, or everything that is wrong with it; exit 1 if anything is."""
    from pipeline.command.policy import Lookback, run_check

    raise typer.Exit(run_check(file, Lookback(archive, weeks, model), as_json=as_json))


@policy_app.command("explain")
def explain_policy(
    event: Annotated[str, typer.Argument(metavar="EVENT", help="JSON of an alert, a file with it, or - for stdin.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Another moment than now, like 2026-11-23T08:00:00Z.")
    ] = None,
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Say which rules apply to an alert, whether and when it would page, and why."""
    from pipeline.command.policy import run_explain

    run_explain(event, at, policy, as_json=as_json)


@policy_app.command("suggest")
def suggest_policy(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded events: NDJSON, plain or .gz.")],
    source: Annotated[str, typer.Option(metavar="NAME", help="Whose raw bodies the lines are.")] = "canonical",
    policy: PolicyFile = None,
    as_json: AsJson = False,
) -> None:
    """Propose to drop labels that tell one problem from itself, such as a measured value, with the evidence."""
    from pipeline.command.policy import run_suggest

    run_suggest(file, source, policy, as_json=as_json)


@app.command()
def schema(
    topics: Annotated[bool, typer.Option("--topics", help="The table of topics instead.")] = False,
    archive: Annotated[bool, typer.Option("--archive", help="The page on the archive's columns instead.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="For programs; what it does without --topics anyway.")
    ] = False,
) -> None:
    """Print the JSON Schema of every record: one object, record name → schema."""
    from pipeline.command import contract

    if archive:
        from pipeline.edge.archive import page

        typer.echo(page(), nl=False)
    elif not topics:
        typer.echo(contract.schema_text())
    elif as_json:
        typer.echo(contract.topics_text())
    else:
        contract.print_topics()


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="NDJSON, plain or .gz.")],
    decisions: Annotated[Path, typer.Option(metavar="OUT", help="One line for every alert event.")],
    incidents: Out = None,
    pages: Out = None,
    rejected: Out = None,
    outcomes: learned.OutcomeFiles = None,
    source: Annotated[str, typer.Option(metavar="NAME", help="Whose raw bodies the lines are.")] = "canonical",
    policy: PolicyFile = None,
    model: ModelDir = None,
    as_json: AsJson = False,
) -> None:
    """Decide recorded events with the same core, without Kafka, and print the funnel."""
    from pipeline.command.recorded import Files, run_replay

    files = Files(file, decisions, incidents, pages, rejected, tuple(outcomes or ()))
    run_replay(files, source, policy, model, as_json=as_json)


app.command()(learned.train)
app.command()(learned.evaluate)


@app.command("explain")
def explain_past(
    what: Annotated[
        str,
        typer.Argument(
            metavar="WHAT",
            help="An incident (inc1:…), an alert (fp1:…, or its fingerprint in Alertmanager), or an event "
            "(PARTITION:OFFSET on alerts.raw, or line:N of a replay); 8 digits of an id are enough.",
        ),
    ],
    data_dir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The log of `up`; else the topics on PAGESIEVE_KAFKA.")
    ] = None,
    decisions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What `replay --decisions` wrote, instead; plain or .gz.")
    ] = None,
    incidents: Annotated[
        Path | None, typer.Option(metavar="FILE", help="And what `replay --incidents` wrote; it has the names.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every line, however many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say why something paged or did not, and why alerts are together; exit 1 if it is not there."""
    from pipeline.command.explain import Where, run_explain_past

    where = Where(data_dir, decisions, incidents)
    raise typer.Exit(run_explain_past(what, where, is_all=is_all, as_json=as_json))


app.command()(marking.mark)
app.command()(reporting.archive)
app.command()(reporting.sql)
app.command()(reporting.report)
