"""The console shows a page to a person, and hands the terminal nothing that a monitor made up."""

import asyncio
import io

from pipeline.edge.console import ConsoleSink
from pipeline.edge.delivery import AnswerKind
from tests.pages import page


def printed(*, action: str = "trigger", summary: str | None = None) -> str:
    told = page("inc1:a", action, revision=2, team="storage")
    if summary is not None:
        told = told.model_copy(update={"payload": told.payload.model_copy(update={"summary": summary})})
    file = io.StringIO()
    answer = asyncio.run(ConsoleSink(file).deliver(told))
    assert answer.kind is AnswerKind.ACCEPTED
    return file.getvalue()


def test_a_page_shows_severity_summary_and_reason() -> None:
    assert printed() == (
        "PAGE CRITICAL DiskFull on a (inc1:a)\n"
        "     No open incident fits it, so it opens one and pages. (opened; 1 alert, 1 firing · team storage; inc1:a"
        " revision 2)\n"
    )


def test_a_resolve_is_shown_as_over() -> None:
    assert printed(action="resolve").startswith("OVER CRITICAL DiskFull on a")


def test_what_a_terminal_would_obey_is_shown_as_dots() -> None:
    assert printed(summary="a\x1b[2Jb\r\n[red]c[/red]").splitlines()[0] == "PAGE CRITICAL a·[2Jb··[red]c[/red]"


def test_a_console_that_is_gone_keeps_the_page() -> None:
    class Gone(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    answer = asyncio.run(ConsoleSink(Gone()).deliver(page("inc1:a")))
    assert answer.kind is AnswerKind.LATER
