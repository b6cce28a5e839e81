"""How the demo is watched: a live picture on a terminal, lines that read well in a log elsewhere."""

from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.layout import Layout
from rich.live import Live
from rich.text import Text

from deploy.demo import picture
from deploy.demo.picture import Moment

SMALLEST = (78, 22)  # columns and rows that the live picture needs
ROWS_FOR_VERDICTS = 32  # with so many there is room for every webhook's verdict, too
LINES_EVERY_S = 4.0


class View(Protocol):
    """Shows moments, one after the other."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, moment: Moment) -> None:
        """Show what is new."""
        ...


def view_for(console: Console) -> View:
    """The live picture where it fits, else lines."""
    can_redraw = console.is_terminal and not console.is_dumb_terminal
    fits = console.size.width >= SMALLEST[0] and console.size.height >= SMALLEST[1]
    return LiveView(console) if can_redraw and fits else LineView(console)


class LineView:
    """Says what is new: what happens in the story, each page, and now and then the counts."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._caption = ""
        self._pages = 0
        self._counted_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, moment: Moment) -> None:
        """Print what was not there at the moment before."""
        if moment.caption != self._caption:
            self._caption = moment.caption
            self._say(Text(f"{moment.elapsed_s:5.1f} s  {moment.caption}", style="bold"))
        for told in moment.tally.pages[self._pages :]:
            self._say(picture.page_text(told))
        self._pages = len(moment.tally.pages)
        if moment.elapsed_s - self._counted_s >= LINES_EVERY_S:
            self._counted_s = moment.elapsed_s
            counts = " → ".join(f"{count} {what}" for what, count, _, _ in moment.tally.funnel.steps)
            self._say(Text(f"{moment.elapsed_s:5.1f} s  so far {counts}"))

    def _say(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
        self._console.file.flush()  # a pipe must not wait for the end of the story


class LiveView:
    """One picture that is drawn again and again, and leaves the terminal as it was."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.__exit__(kind, error, trace)

    def show(self, moment: Moment) -> None:
        """Draw the moment."""
        self._live.update(_drawn(moment, self._console.size.height), refresh=True)


def _drawn(moment: Moment, height: int) -> Layout:
    tally = moment.tally
    numbers = Layout(size=6)
    numbers.split_row(
        Layout(picture.framed(picture.funnel_bars(tally.funnel), "so far"), ratio=5),
        Layout(picture.framed(picture.reason_counts(tally), "why, event by event"), ratio=6),
    )
    incidents = picture.framed(picture.incident_table(tally.incidents.values()), "incidents")
    incident_rows = max(len(tally.incidents), 3) + 3
    parts = [Layout(picture.title(moment), size=2), numbers, Layout(incidents, size=incident_rows)]
    left = height - 2 - 6 - incident_rows
    if height >= ROWS_FOR_VERDICTS:
        # Two lines for each of the story's seven pages; the rest is for the verdicts.
        verdict_rows = max(left - 2 * 7 - 4, 4)
        verdicts = picture.framed(picture.latest_verdicts(moment, verdict_rows), "webhooks, and what became of them")
        parts.append(Layout(verdicts, size=verdict_rows + 2))
        left -= verdict_rows + 2
    parts.append(Layout(picture.framed(picture.newest_pages(tally.pages, left - 2), "pages")))
    layout = Layout()
    layout.split_column(*parts)
    return layout
