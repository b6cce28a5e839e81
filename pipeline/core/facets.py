"""What matchers see of an alert: its labels, and its name and severity also where the source has no such labels."""

from collections.abc import Mapping
from typing import Protocol

from schemas import Severity


class Labelled(Protocol):
    """An alert, or what is kept of one."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def labels(self) -> dict[str, str]:
        """What its source says of it."""

    @property
    def severity(self) -> Severity:
        """As its source claims."""


def facets(alert: Labelled) -> Mapping[str, str]:
    """The labels with `alertname` and `severity`; a label that the source sent is never replaced."""
    labels = alert.labels
    if "alertname" in labels and "severity" in labels:
        return labels
    added = {"alertname": alert.name}
    if alert.severity is not Severity.UNKNOWN:
        added["severity"] = alert.severity.value
    return added | labels
