"""What the demo says at its end: the funnel, what it does not know, and what to do next."""

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from deploy.demo.picture import funnel_table, pages_table
from deploy.demo.tally import Tally
from deploy.demo.telling import Webhook

PROMISED_INCIDENTS = 3  # the probe, the lost node, the full disk
PROMISED_PAGES = 4  # one each, and one more because the disk became worse

NEXT = """\
To try it with your own alerts, start it and point your Alertmanager at it:

  .venv/bin/pagesieve up --data-dir ./pagesieve-data --listen 127.0.0.1:9095

  receivers:
    - name: pagesieve
      webhook_configs:
        - url: http://127.0.0.1:9095/v1/alertmanager
          send_resolved: true

Ctrl-C stops it; all that it knows is in ./pagesieve-data. More: README.md
"""


def shortfalls(tally: Tally, story: list[Webhook]) -> list[str]:
    """Where what happened is not what was promised; empty if all is well."""
    sent = [alert for webhook in story for alert in webhook.alerts]
    funnel = tally.funnel
    expected = (
        ("events decided", funnel.events, len(sent)),
        ("events rejected", tally.rejected, 0),
        ("alerts", funnel.alerts, len(set(sent))),
        ("incidents", funnel.incidents, PROMISED_INCIDENTS),
        ("pages", funnel.pages, PROMISED_PAGES),
        ("resolves", tally.resolves, PROMISED_INCIDENTS),
    )
    found = [f"{what}: {count}, not {promised}" for what, count, promised in expected if count != promised]
    if not tally.is_quiet:
        found.append("not every incident was resolved and its last page delivered")
    return found


def print_ending(console: Console, tally: Tally, missing: list[str], *, with_pages: bool) -> None:
    """Say how the story ended."""
    if with_pages and tally.pages:
        console.print(Text("\nThe pages, and why\n", style="bold"))
        console.print(pages_table(tally.pages))
    console.print(Text("\nThe funnel\n", style="bold"))
    console.print(Padding(funnel_table(tally.funnel), (0, 0, 1, 2)))
    reasons = ", ".join(f"{count} {reason}" for reason, count in tally.reasons.most_common())
    console.print(Padding(f"Every event has one reason: {reasons}.", (0, 0, 0, 2)))
    notes = len(tally.pages) - tally.funnel.pages - tally.resolves
    console.print(
        f"  {tally.resolves} more only say that an incident is over, {notes} that it flaps or no longer does."
    )
    console.print(f"  {tally.rejected} rejected. 0 suppressed: this policy keeps nothing quiet but what repeats")
    console.print("  or joins; so missed (suppressed, but somebody had to act) is 0 of 0.\n")
    for shortfall in missing:
        console.print(Text(f"  NOT AS PROMISED: {shortfall}", style="bold red"))
    console.print(Text(NEXT), soft_wrap=True)
