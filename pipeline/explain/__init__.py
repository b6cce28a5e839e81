"""What would happen to one alert, found by letting the core decide it, and by the rules that the core obeys."""

from typing import NamedTuple

from pipeline.core.facets import facets
from pipeline.core.flap import FlapState, changed, ends_at_ms
from pipeline.core.matcher import Matcher, all_match
from pipeline.core.placement import group_at_first
from pipeline.core.policy import Policy, Rule
from pipeline.core.scope import scope_of
from pipeline.explain.forecast import Course, Waiting, course_of, waitings_of
from schemas import Alert, Status

__all__ = ["Explanation", "Inhibitor", "Passed", "explain"]


class Passed(NamedTuple):
    """A route that does not match the alert, because of `matcher`; `value` is what the alert says of its label."""

    route: str
    matcher: Matcher
    value: str | None


class Inhibitor(NamedTuple):
    """The alert is not paged while one that matches `source` fires and equals it in the labels `equal`.

    Not one that matches `unlike` too: an alert that is itself a source is inhibited only by what is no target.
    """

    source: tuple[Matcher, ...]
    equal: dict[str, str]
    unlike: tuple[Matcher, ...] | None


class Explanation(NamedTuple):
    """What a policy makes of one alert that begins to fire when nothing else does."""

    alert: Alert  # firing, at the moment that was asked about
    is_resolve: bool  # what was asked about ends an alert; all else here is about its firing
    policy_version: str
    scope: str
    group: dict[str, str]
    route: str | None  # whose rule holds; None: what stands above the routes
    passed: tuple[Passed, ...]
    rule: Rule
    page_now: tuple[Matcher, ...] | None  # the first that names it
    course: Course
    waiting: tuple[Waiting, ...]  # everything that keeps it quiet, in the order in which it counts
    inhibitors: tuple[Inhibitor, ...]
    flap_changes: int  # changes in quick succession that make it flap
    flap_ends_after_ms: int  # after the last of them


def explain(alert: Alert, policy: Policy) -> Explanation:
    """Explain what `policy` makes of `alert` at its `at_ms`. Silences that people set while it ran are not known."""
    firing = alert.model_copy(update={"status": Status.FIRING, "ends_at_ms": None})
    index = policy.rule_of(facets(alert))
    rule = policy.rules[index]
    scope = scope_of(alert.labels, alert.tenant, policy)
    changes, calm_after_ms = _flapping(policy)
    return Explanation(
        alert=firing,
        is_resolve=alert.status is Status.RESOLVED,
        policy_version=policy.name,
        scope=scope,
        group=group_at_first(alert, rule),
        route=policy.routes[index].name if index < len(policy.routes) else None,
        passed=tuple(_passed(policy, index, alert)),
        rule=rule,
        page_now=next((match for match in policy.page_now if all_match(match, alert.labels)), None),
        course=course_of(firing, scope, policy),
        waiting=tuple(waitings_of(firing, scope, policy)),
        inhibitors=tuple(_inhibitors(policy, alert)),
        flap_changes=changes,
        flap_ends_after_ms=calm_after_ms,
    )


def _passed(policy: Policy, until: int, alert: Alert) -> list[Passed]:
    """The routes before the one that decides, each with the first of its matchers that fails."""
    return [
        Passed(route.name, matcher, alert.labels.get(matcher.name))
        for route in policy.routes[:until]
        for matcher in [next(matcher for matcher in route.match if not matcher.matches(alert.labels))]
    ]


def _inhibitors(policy: Policy, alert: Alert) -> list[Inhibitor]:
    return [
        Inhibitor(
            rule.source,
            {label: alert.labels.get(label, "") for label in rule.equal},
            rule.target if all_match(rule.source, alert.labels) else None,
        )
        for rule in policy.inhibit
        if all_match(rule.target, alert.labels)
    ]


def _flapping(policy: Policy) -> tuple[int, int]:
    """How many changes at once make an alert flap, and how long after the last of them it stops."""
    state, changes = FlapState(), 0
    while not state.is_flapping:
        state = changed(state, 0, policy.flapping)
        changes += 1
    return changes, ends_at_ms(state, policy.flapping)
