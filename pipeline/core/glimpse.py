"""A glimpse is what is told of an alert that is not changed: it costs a third of taking the alert."""

from typing import NamedTuple

from schemas import Alert, Reason, Severity


class Glimpse(NamedTuple):
    """Of one alert."""

    alert: Alert
    severity: Severity
    first_at_ms: int
    is_firing: bool
    quiet: Reason | None
