"""The commands about Kafka's topics."""

from typing import Annotated

import typer

app = typer.Typer(help="Make or verify the Kafka topics.")


@app.command()
def create() -> None:
    """Make every topic that is not there yet."""
    from pipeline.command.on_kafka import create_topics

    create_topics()


@app.command()
def check(as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False) -> None:
    """Compare the topics with the contract; exit 1 where they differ."""
    from pipeline.command.on_kafka import check_topics

    raise typer.Exit(check_topics(as_json=as_json))
