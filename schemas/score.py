"""A score: what spoke for a person having to act, and what against; its terms add up to the prior's log-odds."""

from pydantic import Field

from schemas.record import Record


class Score(Record):
    """How likely it is that a person has to act, when an alert began to fire.

    The prior is 1 / (1 + e^-x), where x is the sum of `terms`, exactly: all are multiples of 1/1024. `probability` is
    the prior, or what a model says, whichever is higher.
    """

    probability: float = Field(description="actionability in [0, 1]")
    terms: dict[str, float] = Field(description="log-odds by name; what says nothing is left out")
    template_begun: float = Field(description="how often its template began before, fading with 14 days")
    alert_begun: float = Field(description="how often the alert itself did")
    watched_ms: int = Field(description="for how long its scope had been watched")
    ended: float = Field(description="how often the alert said before that it is over, of late")
    short: float = Field(description="and how often of these within ten minutes")
    learned: float | None = Field(
        default=None, description="actionability in [0, 1] as the model says; null: there is none, or it failed"
    )
    learned_by: str | None = Field(default=None, description="the version of the model that was asked")
    learned_terms: dict[str, float] = Field(
        default={},
        description="where what the model says is the higher: its log-odds, as the sum of what each feature, what is"
        " usual, what people said of its kind (lean) and calibration do (Shapley values)",
    )
