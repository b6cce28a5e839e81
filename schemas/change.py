"""A change: something that people or programs did to a system, such as a deploy or a flag. Shown, never paged."""

from pydantic import Field

from schemas.record import Record


class ChangeLink(Record):
    """Where more of a change is told."""

    href: str
    text: str


class Change(Record):
    """One change, as whoever made it says."""

    id: str = Field(description="chg1:… over all that it says: the same change told twice is one")
    at_ms: int = Field(description="when it was made; never later than it reached us")
    summary: str
    kind: str = Field(default="", description="deploy, flag, config…: the sender's own word")
    source: str = Field(default="", description="who or what made it")
    labels: dict[str, str] = Field(description="what it was made to, in the words of alerts' labels")
    links: tuple[ChangeLink, ...] = ()
    tenant: str | None = Field(default=None, description="whose change it is: it is shown with their alerts alone")
