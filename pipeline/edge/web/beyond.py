"""What the page asks of other rooms: they are given to it, so that it knows none of them and waits for none."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import date
from typing import NamedTuple

from pipeline.answer import IncidentStory

# What a policy makes of one alert: a heading, and titled paragraphs.
Explained = tuple[str, Sequence[tuple[str, Sequence[str]]]]


class Beyond(NamedTuple):
    """The other rooms."""

    # The story of an incident, with at most so many lines of a list, read from the log since a time. Blocks; it raises
    # Misuse, Missing and Retryable.
    story: Callable[[str, int, int | None], IncidentStory | None]
    # What the policy makes of the alerts in a body. Blocks; it raises Rejected and Misuse.
    explain: Callable[[bytes], Sequence[Explained]]
    # The report of a week, as one HTML file; it raises Misuse and Retryable. None: there is no archive.
    report: Callable[[str], Awaitable[bytes]] | None
    policy_name: str
    repeats: bool  # whether it lets some pages come again until somebody acknowledges
    policy_text: str | None  # as the file has it; None: the defaults decide
    # The first day in the archive; None: nothing is in it yet, or there is none. Blocks.
    archived_from: Callable[[], date | None]
