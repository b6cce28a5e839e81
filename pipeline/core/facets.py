"""What matchers see of an alert: its labels, and its name and severity also where the source has no such labels."""

from collections.abc import Mapping

from schemas import Alert, Member, Severity


def facets(alert: Alert | Member) -> Mapping[str, str]:
    """The labels with `alertname` and `severity`; a label that the source sent is never replaced."""
    labels = alert.labels
    if "alertname" in labels and "severity" in labels:
        return labels
    added = {"alertname": alert.name}
    if alert.severity is not Severity.UNKNOWN:
        added["severity"] = alert.severity.value
    return added | labels
