"""A learned hold: for how long a page waits, and which past makes that worth while."""

from pydantic import Field

from schemas.record import Record


class Held(Record):
    """Why the page of an alert waits until so long after it began to fire, with `hold: auto`."""

    for_ms: int = Field(description="how long, from when the alert began to fire")
    gone: float = Field(description="share of its like that was over by then: its own past, and that of its kind")
    ended: int = Field(description="how often the alert itself was over before")
    template_ended: int = Field(description="how often alerts of its template were")
