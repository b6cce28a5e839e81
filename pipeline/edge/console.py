"""A page on the console is for a person: severity, summary and the reason, one page two lines."""

import asyncio
import sys
from io import StringIO
from typing import TextIO

from rich.console import Console
from rich.text import Text

from pipeline.core.shown import printable
from pipeline.edge.delivery import Answer, AnswerKind
from schemas import Page

_COLOURS = {"critical": "bold white on red", "error": "bold red", "warning": "yellow", "info": "cyan"}
_ACTIONS = {"trigger": "PAGE", "acknowledge": "SEEN", "resolve": "OVER"}


class ConsoleSink:
    """Prints pages to `file`, in colour where that is a terminal."""

    def __init__(self, file: TextIO | None = None) -> None:
        self._file = file or sys.stdout

    def lane(self, page: Page) -> str:
        """One lane: a console has no rate limit."""
        return "console"

    async def deliver(self, page: Page) -> Answer:
        """Print one page. A pipe that nobody reads keeps the page waiting, not the process."""
        # Rendered apart from the file: rich answers a broken pipe with SystemExit.
        rendered = StringIO()
        console = Console(file=rendered, force_terminal=self._file.isatty(), highlight=False, soft_wrap=True)
        console.print(text_of(page))
        try:
            await asyncio.to_thread(self._write, rendered.getvalue())
        except OSError as exc:
            return Answer(AnswerKind.LATER, "console", type(exc).__name__, needs_operator=True)
        return Answer(AnswerKind.ACCEPTED, "printed")

    async def close(self) -> None:
        """Nothing to let go of: the file is the caller's."""

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._file.flush()


def text_of(page: Page) -> Text:
    """The page as text; what monitors sent is shown without control characters, which would reach the terminal."""
    details = page.payload.custom_details
    severity = page.payload.severity
    is_calm = page.event_action == "resolve" or not details.reason.pages
    action = "NOTE" if is_calm and page.event_action == "trigger" else _ACTIONS[page.event_action]
    head = f"{action} {severity.upper():<8}"
    alerts = f"{details.alert_count} alert{'' if details.alert_count == 1 else 's'}, {details.firing} firing"
    team = f" · team {details.team}" if details.team else ""
    return Text.assemble(
        (head, "green" if is_calm else _COLOURS[severity]),
        " ",
        (printable(page.payload.summary), "" if is_calm else "bold"),
        "\n     ",
        printable(f"{details.why} ({details.reason}; {alerts}{team}; {page.dedup_key} revision {details.revision})"),
    )
