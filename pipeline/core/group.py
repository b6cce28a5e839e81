"""Which incident an alert belongs to: the open one of its group that still grows, else a new one."""

from pipeline.core.incidents import Open
from pipeline.core.policy import Rule
from pipeline.core.state import ScopeState
from schemas import Alert
from schemas.record import fields_of


def group_of(alert: Alert, rule: Rule) -> dict[str, str]:
    """The labels that the alert is grouped by.

    One that has none of them groups by its name: otherwise all that is badly labelled would share one incident,
    and its second problem would not page.
    """
    group = {label: alert.labels[label] for label in rule.group_by or () if label in alert.labels}
    return group or {"name": alert.name}


def key_of(alert: Alert, rule: Rule) -> str:
    """The alert's group as one string."""
    labels = fields_of(alert)["labels"]
    parts = [f"{label}\1{labels[label]}" for label in rule.group_by or () if label in labels]
    return "\0".join(parts) or f"name\1{alert.name}"


def fitting(state: ScopeState, key: str, now_ms: int, rule: Rule) -> Open | None:
    """The open incident that takes a new alert of this group now, if there is one."""
    found = state.incidents.get(state.by_group.get(key, ""))
    limits = fields_of(rule)
    if found is None or now_ms - found.grew_at_ms > limits["gap_ms"]:
        return None
    return None if now_ms - found.opened_at_ms > limits["max_age_ms"] else found
