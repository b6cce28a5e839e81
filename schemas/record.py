"""What every record on a topic has in common: it is frozen, and a reader tolerates fields it does not know."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A frozen record; strict in what we write, tolerant of fields that a newer version added.

    Times are `int` milliseconds UTC since 1970 and carry the unit in their name.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
