"""The parts of what the demo shows: each is made from a moment, and decides nothing."""

from collections.abc import Iterable
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from deploy.demo.tally import Funnel, Tally, ToldPage
from deploy.demo.telling import Webhook
from schemas import Incident, IncidentState, Reason

SEVERITY_STYLES = {"critical": "bold red", "error": "red", "warning": "yellow", "info": "cyan"}


class Moment(NamedTuple):
    """What there is to show at one time."""

    elapsed_s: float
    caption: str
    story: list[Webhook]
    posted: int
    tally: Tally


def title(moment: Moment) -> RenderableType:
    """How far the story is and what happens in it: two lines."""
    top = Table.grid(expand=True)
    top.add_column()
    top.add_column(justify="right")
    top.add_row(
        Text(" pagesieve up, told a story by two Alertmanagers", style="bold"),
        Text(f"{moment.posted} of {len(moment.story)} webhooks  {moment.elapsed_s:4.1f} s "),
    )
    return Group(top, Text(f" {moment.caption}", style="italic cyan", no_wrap=True, overflow="ellipsis"))


def framed(content: RenderableType, name: str) -> Panel:
    """`content` in a thin frame that says what it is."""
    return Panel(content, title=name, title_align="left", border_style="dim")


def funnel_bars(funnel: Funnel) -> Table:
    """The funnel as bars: four lines."""
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, ratio=1)
    for what, count, _, _ in funnel.steps:
        table.add_row(what, str(count), _bar(count, funnel.events, 16))
    return table


def funnel_table(funnel: Funnel) -> Table:
    """The funnel with every share beside what it is a share of."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column()
    table.add_column()
    for what, count, share, of in funnel.steps:
        said = f"{share} {1 - count / of:.1%} = 1 - {count}/{of}" if share and of else ""
        table.add_row(what, str(count), _bar(count, funnel.events, 20), said)
    return table


def reason_counts(tally: Tally) -> Table:
    """How many events were decided for which reason: four lines."""
    table = Table.grid(padding=(0, 1), expand=True)
    for _ in range(2):
        table.add_column(justify="right", no_wrap=True)
        table.add_column(no_wrap=True, ratio=1)
    shown = [reason for reason in Reason if tally.reasons[reason]][:8]
    cells = [(str(tally.reasons[reason]), Text(reason, style="bold" if reason.pages else "")) for reason in shown]
    cells += [("", Text())] * (8 - len(cells))
    for row in range(4):
        table.add_row(*cells[row], *cells[row + 4])
    return table


def incident_table(incidents: Iterable[Incident]) -> Table:
    """Every incident as it stands, a line each under a heading."""
    table = Table(box=None, expand=True, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("state", no_wrap=True, min_width=8)
    for count in ("alerts", "firing", "events"):
        table.add_column(count, justify="right", no_wrap=True)
    table.add_column("worst", no_wrap=True, min_width=8)
    table.add_column("what", ratio=1, no_wrap=True, overflow="ellipsis")
    for incident in incidents:
        table.add_row(
            Text(incident.state, style="bold" if incident.state is IncidentState.OPEN else "green"),
            str(incident.alerts),
            str(incident.firing),
            str(incident.events),
            Text(incident.severity, style=SEVERITY_STYLES.get(incident.severity, "")),
            Text(incident.summary),
        )
    return table


def latest_verdicts(moment: Moment, rows: int) -> Table:
    """The newest webhooks and what became of the alerts in each."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, ratio=3, overflow="ellipsis")
    table.add_column(no_wrap=True, ratio=2, overflow="ellipsis")
    for verdict in list(moment.tally.latest)[-rows:]:
        # The story's webhooks are all that was sent, so the log numbers them as the story does.
        webhook = moment.story[verdict.raw_offset]
        reasons = ", ".join(f"{count} {reason}" for reason, count in verdict.reasons.items())
        table.add_row(f"Alertmanager {webhook.replica}", webhook.about, reasons)
    return table


def newest_pages(pages: list[ToldPage], rows: int) -> Text:
    """The newest pages, each two lines, as many as fit."""
    text = Text("\n").join(page_text(told) for told in pages[-max(rows // 2, 1) :])
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def pages_table(pages: list[ToldPage]) -> Table:
    """All pages, as long as they are."""
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column()
    for told in pages:
        table.add_row(_when(told), _said(told))
    return table


def page_text(told: ToldPage) -> Text:
    """A page in two lines: when, what, how severe, for whom, the summary; and why."""
    when = _when(told)
    said, why = _said(told).split("\n")
    return Text.assemble(when, "  ", said, "\n", " " * (len(when) + 2), why)


def _when(told: ToldPage) -> str:
    return f"{told.after_s:5.1f} s"


def _said(told: ToldPage) -> Text:
    payload, details = told.page.payload, told.page.payload.custom_details
    is_over = told.page.event_action == "resolve"
    word = "PAGE " if told.wakes else "over " if is_over else "note "
    return Text.assemble(
        (word, "bold" if told.wakes else "green"),
        (f"{payload.severity:<8} ", SEVERITY_STYLES[payload.severity] if told.wakes else "green"),
        f"{details.team or '':<8} ",
        (payload.summary.replace("\n", " "), "bold" if told.wakes else ""),
        "\n",
        (details.why.replace("\n", " "), "dim"),
    )


def _bar(count: int, most: int, width: int) -> Text:
    """A bar in eighths of a character, so that even 3 of 314 can be seen."""
    eighths = max(round(8 * width * count / max(most, 1)), 1 if count else 0)
    return Text("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), style="blue")
